// RedisSubscriber keeps the contract against a real redis-server, over TCP and over its unix socket.
#include <boost/test/unit_test.hpp>
#include <string>
#include <tuple>

#include "tests/integration/bus/bus_world.hpp"

namespace {

class RealBus : public pulsegate::test::BusWorld {
 public:
  bool publish(const std::string& topic, const std::string& payload) { return server().publish(topic, payload) > 0; }
  void lose_connection() { pulsegate::test::kill_connection(server()); }
  std::size_t max_payload() const { return kMaxPayload; }

 protected:
  explicit RealBus(const std::string& url) : BusWorld(config(url)) {}
  static pulsegate::test::RedisServer& server() { return pulsegate::test::shared_redis(); }

 private:
  static constexpr std::size_t kMaxPayload = 100'000;
  static pulsegate::bus::RedisConfig config(const std::string& url) {
    auto quick = pulsegate::test::quick_config(url);
    quick.max_payload = kMaxPayload;
    return quick;
  }
};

struct TcpBus : RealBus {
  TcpBus() : RealBus(server().url()) {}
};

struct UnixBus : RealBus {
  UnixBus() : RealBus(server().unix_url()) {}
};

}  // namespace

using ContractBuses = std::tuple<TcpBus, UnixBus>;
#include "tests/support/subscriber_contract.hpp"
