// The StreamSource over a standalone Redis, on a connection of its own: a subscriber's may not send such commands.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "bus/redis_stream_config.hpp"
#include "bus/stream_source.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only (or any one thread while the io_context does not run).
// Owner: a shard. The io_context must outlive it; destroying it, also from inside a callback, is the same as stop().
// 1. The first read connects; from then on the connection is kept, and made anew for ever when it is lost.
// 2. A read that comes while there is no connection waits for the next attempt, which follows within the backoff's
// longest delay, and fails with it.
// 3. When a connection is lost, unanswered reads are sent again, but for one whose answer was the reason: unreadable,
// too large, or due next at two losses.
class RedisStreamReader final : public StreamSource {
 public:
  RedisStreamReader(asio::io_context& io, RedisStreamConfig config);
  ~RedisStreamReader() override;
  RedisStreamReader(const RedisStreamReader&) = delete;
  RedisStreamReader& operator=(const RedisStreamReader&) = delete;

  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit, Callback done) override;
  // The same, to be answered by `deadline`. `asking`: the key is about to come to this node of a cluster (ASK).
  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                 std::chrono::steady_clock::time_point deadline, bool asking, Callback done);
  void stop() override;
  StreamCounters counters() const override;

 private:
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
