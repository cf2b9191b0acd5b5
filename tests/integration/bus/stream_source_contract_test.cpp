// RedisStreamReader keeps the contract against a real redis-server, over TCP and over its unix socket.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <tuple>

#include "bus/stream_key.hpp"
#include "tests/integration/bus/stream_world.hpp"

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

}  // namespace

using ContractStreams = std::tuple<TcpStream, UnixStream>;
#include "tests/support/stream_source_contract.hpp"
