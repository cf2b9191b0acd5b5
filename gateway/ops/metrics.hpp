// What Prometheus scrapes: the gateway's counters, the process, the build. README.md of this folder explains each
// metric.
#pragma once

#include <string>

#include "gateway/ops/control.hpp"
#include "gateway/ops/process_stats.hpp"

namespace pulsegate::ops {

// The text format 0.0.4. Labels are bounded: channels, phases, reasons, shards; never a device or a connection.
std::string render_metrics(const GatewayReport& report);
// The same with given numbers of the process, for tests.
std::string render_metrics(const GatewayReport& report, const ProcessStats& process);

}  // namespace pulsegate::ops
