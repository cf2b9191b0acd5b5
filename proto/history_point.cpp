// The arithmetic of the guide's history, with JavaScript's rounding.
#include "proto/history_point.hpp"

#include <cmath>

namespace pulsegate::proto {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

double value_or_zero(const MetricValue& value) noexcept {
  return value.present ? value.value : 0.0;
}

double finite_or_zero(double value) noexcept {
  return std::isfinite(value) ? value : 0.0;
}

}  // namespace

// Not floor(value + 0.5): the sum of 0.49999999999999994 and 0.5 rounds up to 1.
double js_round(double value) noexcept {
  const double below = std::floor(value);
  return value - below >= 0.5 ? below + 1 : below;
}

HistoryPoint make_history_point(Timestamp time, const MetricValues& values) noexcept {
  const double used = value_or_zero(values[Metric::memory_usage]);
  const double total = value_or_zero(values[Metric::memory_total]);
  HistoryPoint point;
  point.time = time;
  point.cpu = js_round(value_or_zero(values[Metric::cpu_usage]));
  point.memory_used = js_round(used / kMebibyte);
  point.memory_available = js_round((total - used) / kMebibyte);
  point.download = value_or_zero(values[Metric::network_rx]);
  point.upload = value_or_zero(values[Metric::network_tx]);
  return point;
}

std::size_t values_of(Chart chart) noexcept {
  return chart == Chart::cpu ? 1 : 2;
}

ChartPoint chart_point(Chart chart, const HistoryPoint& point) noexcept {
  switch (chart) {
    case Chart::cpu:
      break;
    case Chart::memory:
      return {point.time, finite_or_zero(point.memory_used), finite_or_zero(point.memory_available)};
    case Chart::network:
      return {point.time, finite_or_zero(point.download), finite_or_zero(point.upload)};
  }
  return {point.time, finite_or_zero(point.cpu), 0};
}

}  // namespace pulsegate::proto
