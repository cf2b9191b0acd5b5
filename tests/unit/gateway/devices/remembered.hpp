// A device's memory as the bus fills it, for the tests of what is made of it.
#pragma once

#include <string>
#include <vector>

#include "gateway/devices/event_memory.hpp"
#include "proto/cursor.hpp"
#include "samples.hpp"

namespace pulsegate::test {

inline constexpr devices::EventMemory::Limits kRoomy{1'000, 1'000'000};

// A message of `size` bytes with its header.
inline FramePtr frame_of(std::size_t size) {
  return Frame::text(std::string(size - 2, 'x'));
}

inline devices::Remembered heard(const devices::EventMemory& memory, double time, double value) {
  return {memory.next_cursor(at(time), cpu(value)), cpu(value), frame_of(50)};
}
// A row that stands in for its event.
inline devices::Remembered stand_in(double time, double value) {
  return {proto::row_cursor(at(time), cpu(value)), cpu(value), frame_of(50)};
}

inline void hear(devices::EventMemory& memory, double time, double value) {
  memory.push(heard(memory, time, value), kRoomy);
}

// "5@10 | 6@14": a gap between the two.
inline std::string text(const devices::EventMemory& memory) {
  std::string out;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    if (memory[i].after_gap)
      out += out.empty() ? "| " : " | ";
    else if (!out.empty())
      out += ' ';
    out += std::to_string(static_cast<int>(memory[i].values[Metric::cpu_usage].value)) + '@' +
           seconds(memory[i].cursor.time);
  }
  return out + (memory.gap_at_end() ? " |" : "");
}

}  // namespace pulsegate::test
