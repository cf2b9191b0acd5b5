// A HistorySource for tests: it answers from rows that the test gives it, by the rules of the contract, at once or when
// the test says so. No threads and no clock of its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/history_rows.hpp"
#include "storage/history_source.hpp"

namespace pulsegate::test {

// Thread: one at a time. Answers go through the executor of each read, exactly as those of the real source.
class FakeHistorySource final : public storage::HistorySource {
 public:
  ~FakeHistorySource() override { stop(); }

  void read_range(const storage::RangeRequest& request, storage::Executor executor,
                  storage::HistoryCallback done) override {
    ranges_.push_back(request);
    ask({std::move(executor), std::move(done), [this, request] { return range(request); }});
  }

  void read_after(const storage::AfterRequest& request, storage::Executor executor,
                  storage::HistoryCallback done) override {
    afters_.push_back(request);
    ask({std::move(executor), std::move(done), [this, request] { return after(request); }});
  }

  // The table's rows of a device, oldest first; may be changed at any time.
  std::vector<storage::MetricsRow>& rows(const proto::DeviceId& device) { return rows_[device]; }

  // Every request that was ever made, oldest first.
  const std::vector<storage::RangeRequest>& ranges() const { return ranges_; }
  const std::vector<storage::AfterRequest>& afters() const { return afters_; }

  // Reads that are asked from now on wait for release().
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    while (!outstanding_.empty()) answer_next();
  }
  std::size_t outstanding() const { return outstanding_.size(); }
  // From now on every read ends with this error; `none`: reads succeed again.
  void fail_with(storage::SnapshotError error) { error_ = error; }
  // As SnapshotSource::stop() does for the real one.
  void stop() {
    fail_with(storage::SnapshotError::unavailable);
    release();
  }

 private:
  struct Outstanding {
    storage::Executor executor;
    storage::HistoryCallback done;
    std::function<storage::History()> answer;  // from the rows as they are then
  };

  void ask(Outstanding read) {
    outstanding_.push_back(std::move(read));
    if (!held_) answer_next();
  }

  void answer_next() {
    Outstanding read = std::move(outstanding_.front());
    outstanding_.pop_front();
    storage::HistoryResult result;
    result.error = error_;
    if (error_ == storage::SnapshotError::none) {
      result.history = std::make_shared<const storage::History>(read.answer());
    } else {
      result.detail = "the test says so";
    }
    read.executor([done = std::move(read.done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  storage::History range(const storage::RangeRequest& request) const {
    storage::History history;
    history.metric_mask = mask(kCharted);
    for (const storage::MetricsRow& row : rows_of(request.device)) {
      if (row.recorded_at < request.from || row.recorded_at >= request.to) continue;
      storage::MetricsRow charted;
      charted.recorded_at = row.recorded_at;
      for (const proto::Metric metric : kCharted) charted.values[metric] = row.values[metric];
      history.rows.push_back(charted);
    }
    history.reduced = history.rows.size() > storage::kMaxRangeRows;
    if (history.reduced) history.rows = reduced(request, history.rows);
    return history;
  }

  storage::History after(const storage::AfterRequest& request) const {
    storage::History history;
    history.metric_mask = 0xff;
    for (const storage::MetricsRow& row : rows_of(request.device))
      if (row.recorded_at > request.after) history.rows.push_back(row);
    history.more = storage::cut_between_stamps(history.rows, request.points);
    return history;
  }

  static std::vector<storage::MetricsRow> reduced(const storage::RangeRequest& request,
                                                  const std::vector<storage::MetricsRow>& all) {
    std::map<std::size_t, std::vector<storage::MetricsRow>> buckets;
    const double length = static_cast<double>((request.to - request.from).count());
    for (const storage::MetricsRow& row : all) {
      const double at = static_cast<double>((row.recorded_at - request.from).count()) / length;
      buckets[static_cast<std::size_t>(at * static_cast<double>(request.points))].push_back(row);
    }
    std::vector<storage::MetricsRow> out;
    for (const auto& [i, bucket] : buckets) {
      if (request.reduction == storage::Reduction::mean) {
        out.push_back(mean(bucket));
      } else {
        for (const std::size_t kept : extremes(bucket)) out.push_back(bucket[kept]);
      }
    }
    return out;
  }

  static std::set<std::size_t> extremes(const std::vector<storage::MetricsRow>& bucket) {
    std::set<std::size_t> kept;
    for (const proto::Metric metric : kSeries) {
      std::optional<std::size_t> least, greatest;
      for (std::size_t i = bucket.size(); i-- > 0;) {  // of equals the newest
        const proto::MetricValue& value = bucket[i].values[metric];
        if (!value.present) continue;
        if (!least || value.value < bucket[*least].values[metric].value) least = i;
        if (!greatest || value.value > bucket[*greatest].values[metric].value) greatest = i;
      }
      if (least) kept.insert({*least, *greatest});
    }
    return kept;
  }

  static storage::MetricsRow mean(const std::vector<storage::MetricsRow>& bucket) {
    storage::MetricsRow out;
    std::chrono::microseconds since_first{0};
    for (const storage::MetricsRow& row : bucket) since_first += row.recorded_at - bucket.front().recorded_at;
    out.recorded_at = bucket.front().recorded_at + since_first / static_cast<long>(bucket.size());
    for (const proto::Metric metric : kCharted) {
      double sum = 0, count = 0;
      for (const storage::MetricsRow& row : bucket) {
        if (!row.values[metric].present) continue;
        sum += row.values[metric].value;
        ++count;
      }
      if (count > 0) out.values[metric] = {sum / count, true, -1};
    }
    return out;
  }

  static constexpr std::array kSeries{proto::Metric::cpu_usage, proto::Metric::memory_usage, proto::Metric::network_rx,
                                      proto::Metric::network_tx};
  static constexpr std::array kCharted{proto::Metric::cpu_usage, proto::Metric::memory_usage,
                                       proto::Metric::memory_total, proto::Metric::network_rx,
                                       proto::Metric::network_tx};
  template <typename Metrics>
  static std::uint8_t mask(const Metrics& metrics) {
    unsigned bits = 0;
    for (const proto::Metric metric : metrics) bits |= 1u << static_cast<unsigned>(metric);
    return static_cast<std::uint8_t>(bits);
  }
  std::vector<storage::MetricsRow> rows_of(const proto::DeviceId& device) const {
    const auto at = rows_.find(device);
    return at == rows_.end() ? std::vector<storage::MetricsRow>() : at->second;
  }

  std::map<proto::DeviceId, std::vector<storage::MetricsRow>> rows_;
  std::vector<storage::RangeRequest> ranges_;
  std::vector<storage::AfterRequest> afters_;
  std::deque<Outstanding> outstanding_;
  storage::SnapshotError error_ = storage::SnapshotError::none;
  bool held_ = false;
};

}  // namespace pulsegate::test
