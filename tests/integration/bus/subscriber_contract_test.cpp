// RedisSubscriber keeps the contract against a real redis-server, over TCP, over its unix socket, over TLS, and found
// by a Sentinel or in a cluster.
#include <boost/test/unit_test.hpp>
#include <string>
#include <tuple>

#include "bus/redis_sharded_subscriber.hpp"
#include "tests/integration/bus/bus_world.hpp"
#include "tests/integration/bus/sentinel_world.hpp"
#include "tests/support/redis_cluster.hpp"

namespace {

class RealBus : public pulsegate::test::BusWorld {
 public:
  bool publish(const std::string& topic, const std::string& payload) { return server().publish(topic, payload) > 0; }
  void lose_connection() { pulsegate::test::kill_connection(server()); }
  std::size_t max_payload() const { return kMaxPayload; }

 protected:
  explicit RealBus(const std::string& url) : BusWorld(config(url)) {}
  explicit RealBus(const pulsegate::bus::RedisConfig& config) : BusWorld(config) {}
  // With TLS on a second port, which asks for a client certificate.
  static pulsegate::test::RedisServer& server() {
    static pulsegate::test::RedisServer server([] {
      pulsegate::test::RedisOptions options;
      options.tls = pulsegate::test::shared_ca().issue("redis", "DNS:localhost,IP:127.0.0.1");
      return options;
    }());
    server.start();
    return server;
  }
  static pulsegate::bus::RedisConfig config(const std::string& url) {
    auto quick = pulsegate::test::quick_config(url);
    quick.max_payload = kMaxPayload;
    return quick;
  }

 private:
  static constexpr std::size_t kMaxPayload = 100'000;
};

struct TcpBus : RealBus {
  TcpBus() : RealBus(server().url()) {}
};

struct UnixBus : RealBus {
  UnixBus() : RealBus(server().unix_url()) {}
};

struct TlsBus : RealBus {
  TlsBus() : RealBus(tls_config()) {}

 private:
  static pulsegate::bus::RedisConfig tls_config() {
    static const auto files = pulsegate::test::shared_ca().issue("subscriber", "DNS:subscriber");
    auto result = config("rediss://127.0.0.1:" + std::to_string(server().tls_port()));
    result.tls.ca_file = files.ca;
    result.tls.cert_file = files.cert;
    result.tls.key_file = files.key;
    return result;
  }
};

// A Sentinel tells where the server is. It knows no replica, so that losing a connection is no failover.
struct SentinelBus : RealBus {
  SentinelBus() : RealBus(url()) {}

 private:
  static std::string url() {
    static pulsegate::test::RedisServer sentinel(pulsegate::test::SentinelGroup::watching(server()));
    sentinel.start();
    return "redis-sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/" +
           pulsegate::test::SentinelGroup::kName;
  }
};

// A cluster of one: PUBLISH tells of the subscribers of its own node only.
struct ClusterBus : RealBus {
  ClusterBus() : RealBus(cluster().url()) {}
  bool publish(const std::string& topic, const std::string& payload) {
    return cluster().node(0).publish(topic, payload) > 0;
  }
  void lose_connection() { pulsegate::test::kill_connection(cluster().node(0)); }

 private:
  static pulsegate::test::RedisCluster& cluster() {
    static pulsegate::test::RedisCluster shared(1, false);
    return shared;
  }
};

// The same with sharded pub/sub.
class ShardedBus : public pulsegate::test::LoopWorld {
 public:
  ShardedBus() {
    auto config = pulsegate::test::quick_config(cluster().url());
    config.max_payload = kMaxPayload;
    subscriber_ = std::make_unique<pulsegate::bus::RedisShardedSubscriber>(io_, config);
  }
  pulsegate::bus::Subscriber& subscriber() { return *subscriber_; }
  void destroy_subscriber() { subscriber_.reset(); }
  bool publish(const std::string& topic, const std::string& payload) {
    return cluster().client(0).command("SPUBLISH", topic, payload).integer > 0;
  }
  void lose_connection() { pulsegate::test::kill_connection(cluster().node(0)); }
  std::size_t max_payload() const { return kMaxPayload; }

 private:
  static constexpr std::size_t kMaxPayload = 100'000;
  static pulsegate::test::RedisCluster& cluster() {
    static pulsegate::test::RedisCluster shared(1, false);
    return shared;
  }

  std::unique_ptr<pulsegate::bus::Subscriber> subscriber_;
};

}  // namespace

using ContractBuses = std::tuple<TcpBus, UnixBus, TlsBus, SentinelBus, ClusterBus, ShardedBus>;
#include "tests/support/subscriber_contract.hpp"
