// The page while it is written: families, and how a metric is made of what the shards counted. One source file a theme,
// metrics_*.cpp, adds its metrics; metrics.cpp calls them in the order of the page. Private to these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gateway/counters.hpp"
#include "gateway/ops/control.hpp"
#include "gateway/ops/metric_families.hpp"
#include "proto/channel.hpp"

namespace pulsegate::ops {

// Thread: one. Owner: one scrape. The report outlives it.
class MetricPage final : public Families {
 public:
  explicit MetricPage(const GatewayReport& report) : report_(report) {}

  const GatewayReport& report() const noexcept { return report_; }

  // `pick`: a number of each shard.
  template <typename Pick>
  std::uint64_t sum(Pick&& pick) const {
    std::uint64_t total = 0;
    for (const ShardReport& shard : report_.shards) total += pick(shard);
    return total;
  }

  // A counter that is a plain sum over the shards.
  template <typename Pick>
  void total(std::string_view name, std::string_view help, Pick&& pick) {
    counter(name, help).add(sum(pick));
  }

  // One label whose values are a fixed list of names; `pick` gives the array that the names belong to.
  template <typename Names, typename Pick>
  void by_name(const char* label, const Names& names, Pick&& pick) {
    for (std::size_t i = 0; i < names.size(); ++i)
      add(sum([&](const ShardReport& shard) { return pick(shard)[i]; }), {{label, std::string(names[i])}});
  }

  // `pick`: a histogram of each shard; all have the same bounds.
  template <typename Pick>
  void histogram_of(std::string_view name, std::string_view help, Pick&& pick) {
    std::decay_t<decltype(pick(report_.shards.front()))> all;
    for (const ShardReport& shard : report_.shards) all += pick(shard);
    histogram(name, help, all.kBounds, all.buckets, all.count, all.sum);
  }

  // Values of the label `channel`.
  std::vector<std::string> channel_names() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; report_.channels != nullptr && i < report_.channels->size(); ++i)
      names.emplace_back(report_.channels->name(static_cast<proto::Channel>(i)));
    return names;
  }

 private:
  const GatewayReport& report_;
};

// metrics_clients.cpp: who connects, who is refused, limited or sent away, and why.
void add_connections(MetricPage& page);
void add_limits(MetricPage& page);
void add_disconnects(MetricPage& page);
// metrics_access.cpp: tokens and rights.
void add_access(MetricPage& page);
// metrics_traffic.cpp: what clients send and are sent.
void add_traffic(MetricPage& page);
// metrics_devices.cpp: events, how late they are, devices, and what was missed.
void add_events(MetricPage& page);
void add_devices(MetricPage& page);
void add_resumes(MetricPage& page);
// metrics_bus.cpp: Redis.
void add_bus(MetricPage& page);
void add_canary(MetricPage& page);
void add_streams(MetricPage& page);
// metrics_database.cpp: PostgreSQL; nothing without a database.
void add_database(MetricPage& page);

}  // namespace pulsegate::ops
