// A StreamSource for tests: it answers from entries that the test gives it, by the rules of the contract, at once or
// when the test says so. No threads and no clock of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus/stream_source.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::test {

// Thread: one at a time. Answers go through the executor, as those of the real source go through its io_context.
class FakeStreamSource final : public bus::StreamSource {
 public:
  struct Request {
    proto::DeviceId device;
    proto::Timestamp from;
    std::size_t limit;
  };

  explicit FakeStreamSource(storage::Executor executor) : executor_(std::move(executor)) {}
  ~FakeStreamSource() override { stop(); }

  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit, Callback done) override {
    if (*stopped_) return;
    requests_.push_back({device, from, limit});
    ++counters_.in_flight;
    outstanding_.push_back({requests_.back(), std::move(done)});
    if (!held_) answer_next();
  }

  void stop() override {
    *stopped_ = true;
    outstanding_.clear();
    counters_.in_flight = 0;
  }

  bus::StreamCounters counters() const override { return counters_; }

  // The stream of a device, oldest first; asking for it makes it exist. May be changed at any time.
  std::vector<bus::StreamEntry>& entries(const proto::DeviceId& device) { return streams_[device]; }
  void append(const proto::DeviceId& device, bus::StreamEntry entry) { entries(device).push_back(std::move(entry)); }
  // As DEL: the device has no stream (any more).
  void remove(const proto::DeviceId& device) { streams_.erase(device); }

  // Every request that was ever made, oldest first.
  const std::vector<Request>& requests() const { return requests_; }

  // Reads that are asked from now on wait for release(), and are answered from the entries as they are then.
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    while (!outstanding_.empty()) answer_next();
  }
  std::size_t outstanding() const { return outstanding_.size(); }
  // From now on every read fails with this sentence; empty: reads succeed again.
  void fail_with(std::string detail) { failure_ = std::move(detail); }
  // Entries with larger data are left out, in bytes.
  void set_max_payload(std::size_t size) { max_payload_ = size; }

 private:
  struct Outstanding {
    Request request;
    Callback done;
  };

  void answer_next() {
    Outstanding read = std::move(outstanding_.front());
    outstanding_.pop_front();
    bus::StreamAnswer answer;
    if (failure_.empty()) {
      answer = answer_to(read.request);
    } else {
      answer.detail = failure_;
    }
    executor_([this, stopped = stopped_, done = std::move(read.done), answer = std::move(answer)]() mutable {
      if (*stopped) return;
      count(answer);
      done(std::move(answer));
    });
  }

  bus::StreamAnswer answer_to(const Request& request) {
    bus::StreamAnswer answer;
    answer.ok = true;
    const auto stream = streams_.find(request.device);
    answer.exists = stream != streams_.end();
    if (!answer.exists) return answer;
    const proto::Timestamp from = std::chrono::floor<std::chrono::milliseconds>(std::max(request.from, {}));
    const std::size_t limit = std::clamp<std::size_t>(request.limit, 1, bus::kMaxStreamRead);
    for (const bus::StreamEntry& entry : stream->second) {
      if (entry.added < from) continue;
      if (entry.data.size() > max_payload_) {
        ++counters_.oversized;
        continue;
      }
      answer.more = answer.entries.size() == limit;
      if (answer.more) break;
      answer.entries.push_back(entry);
    }
    return answer;
  }

  void count(const bus::StreamAnswer& answer) {
    --counters_.in_flight;
    ++counters_.reads;
    if (!answer.ok) ++counters_.failures;
    if (answer.ok && !answer.exists) ++counters_.missing;
    counters_.entries += answer.entries.size();
  }

  const storage::Executor executor_;
  std::map<proto::DeviceId, std::vector<bus::StreamEntry>> streams_;
  std::vector<Request> requests_;
  std::deque<Outstanding> outstanding_;
  std::string failure_;
  std::size_t max_payload_ = 256 * 1024;
  bool held_ = false;
  bus::StreamCounters counters_;
  std::shared_ptr<bool> stopped_ = std::make_shared<bool>(false);  // what posted answers ask
};

}  // namespace pulsegate::test
