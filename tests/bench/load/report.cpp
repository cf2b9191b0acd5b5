// The findings as one JSON object; names carry their units.
#include <cstdio>

#include "tests/bench/load/run.hpp"

namespace pulsegate::bench {
namespace {

class Object {
 public:
  Object& add(const char* name, double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.10g", value);
    return raw(name, text);
  }
  Object& add(const char* name, std::uint64_t value) { return raw(name, std::to_string(value)); }
  Object& add(const char* name, const std::string& value) {
    std::string text;
    for (const char c : value) {
      if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= ' ') text += c;
    }
    return raw(name, '"' + text + '"');
  }
  Object& add(const char* name, const LatencyHistogram& times) {
    Object inner;
    const auto ms = [](std::uint64_t us) { return static_cast<double>(us) / 1000; };
    inner.add("p50_ms", ms(times.percentile(0.5))).add("p99_ms", ms(times.percentile(0.99)));
    inner.add("p999_ms", ms(times.percentile(0.999))).add("max_ms", ms(times.max()));
    return raw(name, inner.text());
  }
  Object& raw(const char* name, const std::string& json) {
    text_ += text_.empty() ? "" : ",";
    text_.append("\"").append(name).append("\":").append(json);
    return *this;
  }
  std::string text() const { return '{' + text_ + '}'; }

 private:
  std::string text_;
};

double ratio(double value, double by) {
  return by > 0 ? value / by : 0;
}

}  // namespace

std::string to_json(const Options& options, const Run& run, const Findings& findings) {
  const ClientCounts& counts = run.counts();
  const Publisher& publisher = run.publisher();
  Object out;
  out.add("ready", std::uint64_t{findings.ready});
  out.add("failure", counts.last_failure);
  out.add("clients", std::uint64_t{options.clients}).add("devices", std::uint64_t{options.devices});
  out.add("opened", findings.opened).add("connecting_s", findings.connecting);
  if (!options.await.empty()) out.add("awaited", counts.awaited);

  // An event counts as published when it was written, so the rate is what the server was really offered.
  const double publishing = options.warm_up + options.seconds;
  out.add("published", publisher.published()).add("answered", publisher.answered());
  out.add("publish_errors", publisher.errors());
  out.add("rate", options.rate).add("rate_reached", ratio(static_cast<double>(publisher.published()), publishing));
  out.add("lag_ms", static_cast<double>(publisher.longest_lag()) / 1000);

  out.add("expected", findings.expected).add("delivered", counts.events.deliveries);
  out.add("missing", counts.events.missing).add("duplicates", counts.events.duplicates);
  out.add("reordered", counts.events.reordered).add("stale", counts.events.stale);
  out.add("gaps", counts.gaps).add("others", counts.others).add("closed", counts.closed);
  out.add("close_code", static_cast<double>(counts.last_close_code));
  out.add("message_bytes", ratio(static_cast<double>(counts.bytes), static_cast<double>(counts.events.deliveries)));

  const auto deliveries = static_cast<double>(findings.deliveries);
  out.add("measured_s", findings.measured).add("deliveries", findings.deliveries);
  out.add("deliveries_per_s", ratio(deliveries, findings.measured));
  out.add("latency", counts.latency);
  out.add("server_cpu_s", findings.server.cpu);
  out.add("server_user_s", findings.server.user).add("server_system_s", findings.server.system);
  out.add("server_busy", ratio(findings.server.cpu, findings.measured));
  out.add("deliveries_per_cpu_s", ratio(deliveries, findings.server.cpu));
  out.add("us_per_delivery", ratio(findings.server.cpu * 1e6, deliveries));
  out.add("generator_busy", ratio(findings.generator.cpu, findings.measured));
  out.add("rss_before_kib", findings.rss_before).add("rss_ready_kib", findings.rss_ready);
  out.add("rss_end_kib", findings.server.rss_kib);
  std::string readings;
  for (const MemoryReading& reading : findings.memory) {
    Object one;
    one.add("s", reading.seconds).add("rss_kib", reading.rss_kib);
    readings += (readings.empty() ? "" : ",") + one.text();
  }
  out.raw("memory", '[' + readings + ']');
  return out.text();
}

}  // namespace pulsegate::bench
