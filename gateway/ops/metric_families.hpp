// A thin builder over prometheus-cpp's families. Its registry is not used: our counters live in the shards, and are
// copied into families only when somebody asks. Private to the metrics files.
#pragma once

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulsegate::ops {

// Collects families in the order of the calls. Thread: one. Owner: one scrape.
class Families {
 public:
  using Label = prometheus::ClientMetric::Label;

  // Starts a family; values follow by add().
  Families& counter(std::string_view name, std::string_view help) {
    return family(name, help, prometheus::MetricType::Counter);
  }
  Families& gauge(std::string_view name, std::string_view help) {
    return family(name, help, prometheus::MetricType::Gauge);
  }

  Families& add(double value, std::vector<Label> labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == prometheus::MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
    return *this;
  }
  Families& add(std::uint64_t value, std::vector<Label> labels = {}) {
    return add(static_cast<double>(value), std::move(labels));
  }

  // `buckets`: per bucket, not cumulated; what is missing to `count` is above the last bound.
  template <typename Bounds, typename Buckets>
  void histogram(std::string_view name, std::string_view help, const Bounds& bounds, const Buckets& buckets,
                 std::uint64_t count, double sum) {
    family(name, help, prometheus::MetricType::Histogram);
    prometheus::ClientMetric metric;
    std::uint64_t below = 0;
    std::size_t i = 0;
    for (const double bound : bounds) {
      below += i < buckets.size() ? buckets[i] : 0;
      metric.histogram.bucket.push_back({below, bound});
      ++i;
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = sum;
    families_.back().metric.push_back(std::move(metric));
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  Families& family(std::string_view name, std::string_view help, prometheus::MetricType type) {
    families_.push_back({std::string(name), std::string(help), type, {}});
    return *this;
  }

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace pulsegate::ops
