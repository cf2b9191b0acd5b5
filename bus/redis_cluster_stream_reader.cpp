// A RedisStreamReader a node, and in front of them the reads that wait to learn which node is theirs.
#include "bus/redis_cluster_stream_reader.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "bus/cluster_topology.hpp"
#include "bus/redis_stream_reader.hpp"
#include "bus/slot_map.hpp"
#include "bus/stream_key.hpp"

namespace pulsegate::bus {
class RedisClusterStreamReader::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& io, RedisStreamConfig config)
      : io_(io), config_(std::move(config)), topology_(io, config_.redis), timer_(io) {}

  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit, Callback done);
  void stop();
  StreamCounters counters() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Read {
    proto::DeviceId device;
    proto::Timestamp from;
    std::size_t limit;
    Callback done;
    Clock::time_point deadline;
    std::uint16_t slot;
    int redirects = 0;
    std::string fault = "no node of the Redis Cluster has told yet who holds the key";
  };

  void start_topology();
  void place(Read read);
  void send(const RedisAddress& node, bool asking, Read read);
  void answered(const RedisAddress& node, Read read, StreamAnswer answer);
  void wait(Read read);
  void resend_waiting();
  void drop_idle_nodes();
  void finish(Read read, StreamAnswer answer);
  void fail_late(const std::string& reason);
  void arm();

  asio::io_context& io_;
  const RedisStreamConfig config_;
  ClusterTopology topology_;
  bool started_ = false;
  bool stopped_ = false;
  std::map<RedisAddress, std::unique_ptr<RedisStreamReader>> nodes_;
  std::deque<Read> waiting_;  // for a newer answer about the topology
  asio::steady_timer timer_;  // for the deadlines of these
  bool armed_ = false;
  StreamCounters counters_;  // without what the nodes' readers count
  StreamCounters gone_;      // of readers of nodes that are no more
};

void RedisClusterStreamReader::Core::read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                                               Callback done) {
  if (stopped_) return;
  const std::uint16_t slot = slot_of(stream_key(config_.key, device));
  Read read{device, from, limit, std::move(done), Clock::now() + config_.deadline, slot};
  if (++counters_.in_flight > config_.max_reads) {
    StreamAnswer refused;
    refused.detail = "there are too many reads of streams at once: " + std::to_string(config_.max_reads);
    return asio::post(io_, [self = shared_from_this(), read = std::move(read), refused]() mutable {
      self->finish(std::move(read), std::move(refused));
    });
  }
  start_topology();
  place(std::move(read));
}

void RedisClusterStreamReader::Core::start_topology() {
  if (std::exchange(started_, true)) return;
  // stop() closes the topology, so it does not outlive `this`.
  topology_.start(
      [this](const ClusterTopology::Answer& answer) {
        if (!answer.counts) return;
        const auto keep = shared_from_this();
        drop_idle_nodes();
        resend_waiting();
      },
      [this](const std::string& fault) {
        for (Read& read : waiting_) read.fault = fault;
      });
}

void RedisClusterStreamReader::Core::place(Read read) {
  const RedisAddress* const owner = topology_.map().owner(read.slot);
  if (owner == nullptr) return wait(std::move(read));
  send(*owner, false, std::move(read));
}

void RedisClusterStreamReader::Core::send(const RedisAddress& node, bool asking, Read read) {
  auto& reader = nodes_[node];
  if (!reader) {
    RedisStreamConfig config = config_;
    config.redis.url = config_.redis.url.at(node);
    reader = std::make_unique<RedisStreamReader>(io_, std::move(config));
  }
  const auto& [device, from, limit, done, deadline, slot, redirects, fault] = read;
  reader->read_from(device, from, limit, deadline, asking,
                    [self = shared_from_this(), node, read](StreamAnswer answer) mutable {
                      self->answered(node, std::move(read), std::move(answer));
                    });
}

void RedisClusterStreamReader::Core::answered(const RedisAddress& node, Read read, StreamAnswer answer) {
  if (stopped_) return;
  if (answer.ok || answer.redirect.empty() || Clock::now() >= read.deadline)
    return finish(std::move(read), std::move(answer));
  read.fault = answer.detail;
  topology_.refresh();
  if (answer.redirect == kNodeLost) return wait(std::move(read));
  const auto redirect = parse_redirect(answer.redirect, node);
  if (!redirect || ++read.redirects > kMaxRedirects) return finish(std::move(read), std::move(answer));
  ++counters_.redirects;
  if (!redirect->ask) topology_.set_owner(read.slot, redirect->to);
  send(redirect->to, redirect->ask, std::move(read));
}

void RedisClusterStreamReader::Core::wait(Read read) {
  waiting_.push_back(std::move(read));
  arm();
}

void RedisClusterStreamReader::Core::resend_waiting() {
  for (Read& read : std::exchange(waiting_, {})) place(std::move(read));
}

// Not while a read is under way there, whose answer would be lost.
void RedisClusterStreamReader::Core::drop_idle_nodes() {
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    const StreamCounters counters = node->second->counters();
    const bool keep = topology_.map().has(node->first) || counters.in_flight > 0;
    if (!keep) {
      gone_.oversized += counters.oversized;
      gone_.reconnects += counters.reconnects;
    }
    node = keep ? std::next(node) : nodes_.erase(node);
  }
}

void RedisClusterStreamReader::Core::finish(Read read, StreamAnswer answer) {
  if (stopped_) return;
  --counters_.in_flight;
  ++counters_.reads;
  if (!answer.ok) ++counters_.failures;
  if (answer.ok && !answer.exists) ++counters_.missing;
  counters_.entries += answer.entries.size();
  answer.redirect.clear();
  read.done(std::move(answer));
}

// Callbacks may read, so what is late is taken out first.
void RedisClusterStreamReader::Core::fail_late(const std::string& reason) {
  std::deque<Read> late;
  const auto now = Clock::now();
  std::deque<Read> others;
  for (Read& read : waiting_) (read.deadline <= now ? late : others).push_back(std::move(read));
  waiting_ = std::move(others);
  for (Read& read : late) {
    StreamAnswer failed;
    failed.detail = reason + read.fault;
    finish(std::move(read), std::move(failed));
  }
}

void RedisClusterStreamReader::Core::arm() {
  if (armed_ || waiting_.empty()) return;
  auto due = waiting_.front().deadline;
  for (const Read& read : waiting_) due = std::min(due, read.deadline);
  armed_ = true;
  timer_.expires_at(due);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    self->armed_ = false;
    if (error || self->stopped_) return;
    self->fail_late("a read of a stream found no node in time: ");
    self->arm();
  });
}

void RedisClusterStreamReader::Core::stop() {
  stopped_ = true;
  topology_.close();
  timer_.cancel();
  for (auto& node : nodes_) node.second->stop();
  const auto waiting = std::move(waiting_);  // what the callbacks hold may call the reader when it is destroyed
  waiting_.clear();
  counters_.in_flight = 0;
}

StreamCounters RedisClusterStreamReader::Core::counters() const {
  StreamCounters sum = counters_;
  sum.oversized = gone_.oversized;
  sum.reconnects = gone_.reconnects;
  for (const auto& node : nodes_) {
    const StreamCounters counters = node.second->counters();
    sum.oversized += counters.oversized;
    sum.reconnects += counters.reconnects;
  }
  return sum;
}

RedisClusterStreamReader::RedisClusterStreamReader(asio::io_context& io, RedisStreamConfig config)
    : core_(std::make_shared<Core>(io, std::move(config))) {}

RedisClusterStreamReader::~RedisClusterStreamReader() {
  core_->stop();
}

void RedisClusterStreamReader::read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                                         Callback done) {
  core_->read_from(device, from, limit, std::move(done));
}
void RedisClusterStreamReader::stop() {
  core_->stop();
}
StreamCounters RedisClusterStreamReader::counters() const {
  return core_->counters();
}

}  // namespace pulsegate::bus
