// The page, theme by theme; what belongs to the process itself stands here.
#include "gateway/ops/metrics.hpp"

#include "gateway/ops/metric_page.hpp"
#include "gateway/version.hpp"

namespace pulsegate::ops {
namespace {

void add_gateway(MetricPage& page) {
  page.gauge("pulsegate_build_info", "Always 1; the labels tell the build.")
      .add(1.0, {{"version", kVersion}, {"compiler", __VERSION__}});
  page.gauge("pulsegate_ready", "1 when /readyz answers 200.").add(page.report().ready ? 1.0 : 0.0);
  page.gauge("pulsegate_draining", "1 once clients are being sent away.").add(page.report().draining ? 1.0 : 0.0);
}

void add_memory(MetricPage& page) {
  page.gauge("pulsegate_memory_limit_bytes", "What --memory-limit or the cgroup allows; 0: no limit.")
      .add(page.report().memory.limit);
  page.gauge("pulsegate_memory_used_bytes", "What counts against that limit.").add(page.report().memory.used);
  page.gauge("pulsegate_memory_high", "1 while nobody new is taken on for lack of memory.")
      .add(page.report().memory.high ? 1.0 : 0.0);
}

void add_process(MetricPage& page, const ProcessStats& process) {
  page.counter("process_cpu_seconds_total", "User and system CPU time.").add(process.cpu_seconds);
  page.gauge("process_start_time_seconds", "Start of the process, Unix time.").add(process.start_time_seconds);
  page.gauge("process_resident_memory_bytes", "Resident memory.").add(process.resident_bytes);
  page.gauge("process_virtual_memory_bytes", "Virtual memory.").add(process.virtual_bytes);
  page.gauge("process_threads", "Threads.").add(process.threads);
  page.gauge("process_open_fds", "Open file descriptors.").add(process.open_fds);
  page.gauge("process_max_fds", "Limit of open file descriptors.").add(process.max_fds);
}

}  // namespace

std::string render_metrics(const GatewayReport& report, const ProcessStats& process) {
  MetricPage page(report);
  add_gateway(page);
  add_connections(page);
  add_limits(page);
  add_memory(page);
  add_access(page);
  add_disconnects(page);
  add_traffic(page);
  add_events(page);
  add_devices(page);
  add_resumes(page);
  add_bus(page);
  add_canary(page);
  add_streams(page);
  add_database(page);
  add_process(page, process);
  return page.text();
}

std::string render_metrics(const GatewayReport& report) {
  return render_metrics(report, read_process_stats());
}

}  // namespace pulsegate::ops
