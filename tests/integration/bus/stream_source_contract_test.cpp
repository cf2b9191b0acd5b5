// RedisStreamReader keeps the contract against a real redis-server, over TCP and over its unix socket, and so does
// RedisClusterStreamReader in a cluster.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <tuple>

#include "bus/redis_cluster_stream_reader.hpp"
#include "bus/stream_key.hpp"
#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/redis_cluster.hpp"

using namespace pulsegate;

namespace {

// A server of its own for each case, since a case may end it.
class RealStream : public test::LoopWorld {
 public:
  bus::StreamSource& source() { return *source_; }
  void destroy_source() { source_.reset(); }
  void append(const proto::DeviceId& device, proto::Timestamp added, const std::string& timestamp,
              const std::string& data) {
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(added.time_since_epoch()).count();
    client_.command("XADD", key(device), std::to_string(millis) + "-0", "timestamp", timestamp, "data", data);
  }
  void clear(const proto::DeviceId& device) { client_.command("XTRIM", key(device), "MAXLEN", "0"); }
  void go_away() { server_.kill(); }
  std::size_t max_payload() const { return kMaxPayload; }
  void run_dry() { run_all_for(test::Millis(50)); }

 protected:
  explicit RealStream(std::string (test::RedisServer::*url)() const)
      : client_(server_.start().client()), source_(make(io_, (server_.*url)())) {}

 private:
  static constexpr std::size_t kMaxPayload = 100'000;
  static constexpr char kKey[] = "t:{{uuid}}:metrics";

  static std::string key(const proto::DeviceId& device) { return bus::stream_key(kKey, device); }
  static std::unique_ptr<bus::StreamSource> make(asio::io_context& io, const std::string& url) {
    auto config = test::quick_stream_config(url);
    config.redis.max_payload = kMaxPayload;
    config.key = kKey;
    config.deadline = test::kDeadline;
    return std::make_unique<bus::RedisStreamReader>(io, config);
  }

  test::RedisServer server_;
  test::RedisClient client_;
  std::unique_ptr<bus::StreamSource> source_;
};

struct TcpStream : RealStream {
  TcpStream() : RealStream(&test::RedisServer::url) {}
};

struct UnixStream : RealStream {
  UnixStream() : RealStream(&test::RedisServer::unix_url) {}
};

// A cluster for all cases, as it takes two seconds to begin: each begins without keys, and with it running.
class ClusterStream : public test::LoopWorld {
 public:
  ClusterStream() {
    if (!cluster().node(0).running()) {
      cluster().node(0).start();
      BOOST_REQUIRE(cluster().wait_until_complete());
    }
    cluster().client(0).command("FLUSHALL");
    auto config = test::quick_stream_config(cluster().url());
    config.redis.max_payload = kMaxPayload;
    config.key = kKey;
    config.deadline = test::Millis(3'000);  // after the node is gone, a read waits for another one till then
    source_ = std::make_unique<bus::RedisClusterStreamReader>(io_, config);
  }
  bus::StreamSource& source() { return *source_; }
  void destroy_source() { source_.reset(); }
  void append(const proto::DeviceId& device, proto::Timestamp added, const std::string& timestamp,
              const std::string& data) {
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(added.time_since_epoch()).count();
    cluster().client(0).command("XADD", bus::stream_key(kKey, device), std::to_string(millis) + "-0", "timestamp",
                                timestamp, "data", data);
  }
  void clear(const proto::DeviceId& device) {
    cluster().client(0).command("XTRIM", bus::stream_key(kKey, device), "MAXLEN", "0");
  }
  void go_away() { cluster().node(0).kill(); }
  std::size_t max_payload() const { return kMaxPayload; }
  void run_dry() { run_all_for(test::Millis(50)); }

 private:
  static constexpr std::size_t kMaxPayload = 100'000;
  static constexpr char kKey[] = "metrics:{uuid}";

  static test::RedisCluster& cluster() {
    static test::RedisCluster shared(1, false);
    return shared;
  }

  std::unique_ptr<bus::StreamSource> source_;
};

}  // namespace

using ContractStreams = std::tuple<TcpStream, UnixStream, ClusterStream>;
#include "tests/support/stream_source_contract.hpp"
