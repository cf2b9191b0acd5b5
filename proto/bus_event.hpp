// What the API server publishes, read once: the wanted members as slices of the original text, the numbers as a sample.
// Untrusted input: SAX, iterative, capped in size and depth, checked UTF-8. Forwards nothing itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proto/metric_values.hpp"
#include "proto/system_info.hpp"
#include "proto/time.hpp"
#include "proto/topic.hpp"
#include "proto/trace_context.hpp"

namespace pulsegate::proto {

// What the trace context of an envelope turned out to be. A bad state is left out alone; with a bad or without a
// `traceparent` there is no context.
enum class TraceFinding : std::uint8_t { none, taken, bad_parent, bad_state };

// All string_views point into the payload that was parsed, and are valid JSON texts, but for `trace`.
struct BusEvent {
  std::optional<Timestamp> timestamp;   // the envelope's; absent or unreadable: nullopt
  std::string_view object;              // metrics: the metrics object; state: the state object; else the whole payload
  std::string_view top_processes;       // the array, verbatim; empty: absent or null
  std::string_view network_interfaces;  // the array, verbatim; empty: absent or null
  MetricValues values;                  // metrics only
  SystemInfo system;                    // state only
  TraceContext trace;                   // the envelope's; points into the parser, until its next parse()
  TraceFinding trace_finding = TraceFinding::none;
};

enum class BusEventError : std::uint8_t {
  none,
  too_big,        // larger than the cap
  malformed,      // not one JSON value, trailing text, or not valid UTF-8
  too_deep,       // nested deeper than limits::kMaxJsonDepth
  not_an_object,  // the payload, or its "metrics"/"state" member, is not an object (null included)
  missing_type    // broadcast without a string member "type"
};

// The label of the drop counter, kebab-case.
std::string_view name(BusEventError error) noexcept;

// Holds reusable buffers. Thread: one at a time.
class BusEventParser {
 public:
  // `traces`: looks for trace contexts; otherwise no event has one.
  explicit BusEventParser(std::size_t max_payload, bool traces = false);
  ~BusEventParser();

  // Accepts the envelope {"deviceUuid","metrics":{…},"timestamp"} and a bare metrics (or state) object without
  // envelope. A member that appears twice: the last one counts, as in JSON.parse. pass_through payloads may be any JSON
  // value. Interfaces and processes that are neither array nor null are ignored. `traceparent` and `tracestate` are
  // members of the envelope, of a broadcast, or of a pass-through object; a bare object has none. Never throws on any
  // input. On an error `event` is unspecified.
  BusEventError parse(TopicKind kind, std::string_view payload, BusEvent& event);

 private:
  struct Reader;
  struct TracingReader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace pulsegate::proto
