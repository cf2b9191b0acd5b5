// See cluster_topology.hpp. Callbacks may close the topology, but not destroy it: a round looks whether it was closed.
#include "bus/cluster_topology.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::bus {
void ClusterTopology::start(Answered answered, Failed failed) {
  close();
  answered_ = std::move(answered);
  failed_ = std::move(failed);
  refresh();
}

void ClusterTopology::close() {
  answered_ = nullptr;
  failed_ = nullptr;
  timer_.cancel();
  scheduled_ = false;
  if (query_) std::exchange(query_, nullptr)->close();
}

void ClusterTopology::refresh() {
  if (query_ || !answered_) return;  // an answer is on its way
  const auto since = Clock::now() - last_round_;
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kShortest - since);
  schedule(std::clamp(wait, std::chrono::milliseconds(0), kShortest));
}

void ClusterTopology::schedule(std::chrono::milliseconds delay) {
  const auto when = Clock::now() + delay;
  if (scheduled_ && timer_.expiry() <= when) return;  // it is to run earlier
  scheduled_ = true;
  timer_.expires_at(when);
  timer_.async_wait([this](const std::error_code& error) {
    if (error) return;
    scheduled_ = false;
    begin_round();
  });
}

// The nodes that are known, then those of the URL, which may be another way to the same.
std::vector<RedisAddress> ClusterTopology::candidates() const {
  std::vector<RedisAddress> all = map_.nodes();
  for (const RedisAddress& seed : config_.url.seeds)
    if (!map_.has(seed)) all.push_back(seed);
  return all;
}

void ClusterTopology::begin_round() {
  last_round_ = Clock::now();
  faults_.clear();
  to_ask_ = candidates();
  const std::size_t known = map_.empty() ? to_ask_.size() : map_.nodes().size();
  std::rotate(to_ask_.begin(), to_ask_.begin() + static_cast<std::ptrdiff_t>(turn_++ % known),
              to_ask_.begin() + static_cast<std::ptrdiff_t>(known));
  std::reverse(to_ask_.begin(), to_ask_.end());
  ask();
}

void ClusterTopology::ask() {
  const RedisAddress asked = std::move(to_ask_.back());
  to_ask_.pop_back();
  RedisConfig config = config_;
  config.url = config_.url.at(asked);
  config.connect_timeout = config_.question_timeout;
  query_ = RedisQuery::ask(io_, std::move(config), {{"CLUSTER", "SLOTS"}, {"CLUSTER", "INFO"}},
                           [this, asked](const std::string& fault, const std::vector<RedisValue>& values) {
                             query_ = nullptr;
                             read(asked, fault, values);
                           });
}

void ClusterTopology::read(const RedisAddress& asked, const std::string& fault, const std::vector<RedisValue>& values) {
  Answer answer;
  answer.asked = asked;
  const std::string reason = fault.empty() ? answer.map.read(values[0], values[1], asked) : fault;
  if (!reason.empty()) {
    faults_.add(asked.text() + ": " + reason);
    if (!to_ask_.empty()) return ask();
    epoch_ = 0;
    schedule(config_.recheck);
    const Failed failed = failed_;
    return failed("no node of the Redis Cluster tells what it looks like: " + faults_.text());
  }
  answer.counts = answer.map.epoch() >= epoch_;
  if (answer.counts) {
    epoch_ = answer.map.epoch();
    map_ = answer.map;
  }
  schedule(config_.recheck);
  const Answered answered = answered_;
  answered(answer);
}

}  // namespace pulsegate::bus
