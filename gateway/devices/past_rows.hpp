// Where the rows of a device's table stand among its events.
#pragma once

#include <vector>

#include "gateway/devices/event_memory.hpp"
#include "gateway/devices/past.hpp"

namespace pulsegate::devices {

// `events`: of memory and stream, in the order of the bus; those of the memory that are rows which stood in for their
// events are among them. All of them and the rows of `past` as one sequence: each sample once, events in their order
// and rows in theirs. Where equal values leave open whether a row is that of an event, both stand in it.
std::vector<PastSample> put_rows_among(const std::vector<PastSample>& events, const EventMemory& memory,
                                       const Past& past, const CatchUpRules& rules);

}  // namespace pulsegate::devices
