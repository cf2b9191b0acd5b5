// The numbers of one metrics sample, whether they came as an event or as a row, and the test whether two are the same
// sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pulsegate::proto {

enum class Metric : std::uint8_t {
  cpu_usage,
  cpu_temp,
  memory_usage,
  memory_total,
  storage_usage,
  storage_total,
  network_rx,
  network_tx
};
inline constexpr std::size_t kMetricCount = 8;

// The key of an event and the column of a row, for instance "cpu_usage".
std::string_view metric_name(Metric metric) noexcept;
std::optional<Metric> find_metric(std::string_view name) noexcept;

struct MetricValue {
  double value = 0;      // finite
  bool present = false;  // false: missing, null or not a number
  std::int8_t decimals =
      -1;  // digits after the point that the source keeps (a NUMERIC column's scale); -1: all of them
};

// Reads the longest numeric prefix as JavaScript's parseFloat does, after white space: " 45.2%" is 45.2.
// Nothing numeric, NaN and infinities: nullopt.
std::optional<double> parse_number(std::string_view text) noexcept;

// A value from a column's text ("45.20": value 45.2, two decimals); not present when the text is not a number.
MetricValue parse_row_value(std::string_view text) noexcept;

// Shape: one entry per Metric.
struct MetricValues {
  std::array<MetricValue, kMetricCount> items{};

  MetricValue& operator[](Metric m) noexcept { return items[static_cast<std::size_t>(m)]; }
  const MetricValue& operator[](Metric m) const noexcept { return items[static_cast<std::size_t>(m)]; }
};

// Whether both carry the same numbers. A value with a known number of decimals equals any value that rounds to it,
// since a NUMERIC(5,2) column stores 45.678 as 45.68. `mask`: which metrics to compare (bit i = Metric i; a table may
// lack columns).
bool same_values(const MetricValues& a, const MetricValues& b, std::uint8_t mask = 0xff) noexcept;

}  // namespace pulsegate::proto
