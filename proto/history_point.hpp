// One point of the `history` channel, computed from a sample as the guide's server computes it.
#pragma once

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

}  // namespace pulsegate::proto
