// Samples and rows for the tests of the merge, and the short notation in which they compare sequences.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/devices/sample_merge.hpp"

namespace pulsegate::test {

using devices::Sample;
using proto::Metric;
using proto::MetricValues;
using proto::Timestamp;

// Seconds after some day's noon.
inline Timestamp at(double seconds) {
  return Timestamp(std::chrono::microseconds(1'763'812'800'000'000 + std::llround(seconds * 1e6)));
}

inline MetricValues cpu(double value, int decimals = -1) {
  MetricValues values;
  values[Metric::cpu_usage] = {value, true, static_cast<std::int8_t>(decimals)};
  return values;
}

inline Sample event(double time, double value, bool after_gap = false) {
  return {cpu(value), at(time), std::nullopt, after_gap};
}
inline Sample stored(double row_time, double value) {
  return {cpu(value), std::nullopt, at(row_time), false};
}
inline Sample paired(double time, double row_time, double value, bool after_gap = false) {
  return {cpu(value), at(time), at(row_time), after_gap};
}
inline storage::MetricsRow row(double time, double value, int decimals = -1) {
  return {at(time), cpu(value, decimals)};
}

inline std::string seconds(Timestamp time) {
  const double value = std::chrono::duration<double>(time - at(0)).count();
  const bool whole = value == std::floor(value);
  return whole ? std::to_string(static_cast<long long>(value)) : std::to_string(value);
}

// "5@e10": value 5, known from an event of second 10; "5@r12": from a row; "5@e10r12": from both.
inline std::string text(const std::vector<Sample>& samples) {
  std::string out;
  for (const Sample& sample : samples) {
    if (!out.empty()) out += ' ';
    const double value = sample.values[Metric::cpu_usage].value;
    out += value == std::floor(value) ? std::to_string(static_cast<long long>(value)) : std::to_string(value);
    out += '@';
    if (sample.event_time) out += "e" + seconds(*sample.event_time);
    if (sample.row_time) out += "r" + seconds(*sample.row_time);
  }
  return out;
}

}  // namespace pulsegate::test
