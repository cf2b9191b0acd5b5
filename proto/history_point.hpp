// One point of the `history` channel, computed from a sample as the guide's server computes it, and the three charts
// that it is a point of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/metric_values.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

// JavaScript's Math.round: half up, also for negative numbers (-2.5 becomes -2).
double js_round(double value) noexcept;

struct HistoryPoint {
  Timestamp time{};             // the event's own time where an event is known, else the row's
  double cpu = 0;               // percent, rounded
  double memory_used = 0;       // MiB, rounded
  double memory_available = 0;  // MiB, rounded (total - used)
  double download = 0;          // network_rx as sent, bytes
  double upload = 0;            // network_tx as sent, bytes
};

// Missing values count as 0, as in the guide.
HistoryPoint make_history_point(Timestamp time, const MetricValues& values) noexcept;

enum class Chart : std::uint8_t { cpu, memory, network };
inline constexpr std::size_t kChartCount = 3;

// How many values a point of the chart has: cpu one, memory two (used, available), network two (download, upload).
std::size_t values_of(Chart chart) noexcept;

struct ChartPoint {
  Timestamp time{};
  double first = 0;   // percent, MiB used, or bytes downloaded; finite
  double second = 0;  // MiB available or bytes uploaded; finite; 0 for a chart of one value
};

// What is not finite becomes 0, as it is printed.
ChartPoint chart_point(Chart chart, const HistoryPoint& point) noexcept;

}  // namespace pulsegate::proto
