// The StreamSource over a Redis Cluster: each read goes to the node that holds the key's slot.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "bus/redis_stream_config.hpp"
#include "bus/stream_source.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only (or any one thread while the io_context does not run).
// Owner: a shard. The io_context must outlive it; destroying it, also from inside a callback, is the same as stop().
// 1. The first read asks for the topology; a node is connected to with the first read that needs it.
// 2. A read follows MOVED and ASK up to kMaxRedirects times. One whose node is lost waits for a newer answer about the
// topology and is sent again. All of it ends with the read's deadline.
class RedisClusterStreamReader final : public StreamSource {
 public:
  static constexpr int kMaxRedirects = 5;

  // `config`: redis.url.topology is cluster.
  RedisClusterStreamReader(asio::io_context& io, RedisStreamConfig config);
  ~RedisClusterStreamReader() override;
  RedisClusterStreamReader(const RedisClusterStreamReader&) = delete;
  RedisClusterStreamReader& operator=(const RedisClusterStreamReader&) = delete;

  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit, Callback done) override;
  void stop() override;
  StreamCounters counters() const override;

 private:
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
