// A real Listener on loopback, with several shards: where sockets go, and that nothing of it outlives its end.
#include "gateway/ws/listener.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <utility>

#include <asio/io_context.hpp>

#include "gateway/ws/endpoint.hpp"
#include "proto/device_id.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/tcp_socket.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kShards = 5;
const std::string kDevice = "0f8fad5b-d9cb-469f-a165-70867728950e";

std::size_t shard_of_device() {
  const std::size_t shard = proto::DeviceId::parse(kDevice)->hash() % kShards;
  BOOST_REQUIRE_NE(shard, 0u);  // shard 0 is also where everything goes that names no device
  return shard;
}

// Thread: the test's, which also runs the loop.
class ListenerFixture {
 public:
  explicit ListenerFixture(milliseconds steer_timeout = std::chrono::hours(1), std::size_t max_steering = 100)
      : listener(io, config(steer_timeout, max_steering),
                 [this](asio::ip::tcp::socket, std::size_t shard) { taken = shard; }) {
    const std::string address = listener.address();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  TcpSocket connect(const std::string& bytes) {
    TcpSocket socket("127.0.0.1", port_);
    socket.write(bytes);
    return socket;
  }
  template <typename Predicate>
  bool run_until(Predicate&& predicate) {
    return eventually([&] { return io.poll(), predicate(); });
  }
  // The shard of a request that comes in these pieces, each after the one before was looked at.
  std::optional<std::size_t> steer(const std::string& first, const std::string& rest = {}) {
    taken.reset();
    const std::uint64_t accepted = listener.counters().accepted;
    TcpSocket socket = connect(first);
    run_until([&] { return listener.counters().accepted > accepted; });
    io.poll();
    socket.write(rest);
    run_until([&] { return taken.has_value(); });
    return taken;
  }

  asio::io_context io{1};
  std::optional<std::size_t> taken;  // the shard that got the latest socket
  ws::Listener listener;

 private:
  static ws::ListenerConfig config(milliseconds steer_timeout, std::size_t max_steering) {
    ws::ListenerConfig result;
    result.host = "127.0.0.1";
    result.shards = kShards;
    result.steer_timeout = steer_timeout;
    result.max_steering = max_steering;
    return result;
  }

  std::uint16_t port_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(ListenerTest)

BOOST_AUTO_TEST_CASE(closing_drops_what_is_being_steered_and_leaves_the_loop_without_work) {
  ListenerFixture fixture;
  TcpSocket silent = fixture.connect("");
  TcpSocket partial = fixture.connect("GET /ws?devi");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 2; }));
  fixture.io.run_for(milliseconds(50));  // both are waited for by now, each in its own way
  fixture.listener.close();
  fixture.io.run_for(kDeadline);
  BOOST_TEST(fixture.io.stopped());  // it returned since nothing was left, not since the time was over
  std::string nothing;
  BOOST_TEST((silent.read_some(nothing) == TcpSocket::Read::end));
  BOOST_TEST((partial.read_some(nothing) == TcpSocket::Read::end));
  BOOST_TEST(!fixture.taken.has_value());
}

BOOST_AUTO_TEST_CASE(a_device_behind_a_long_query_goes_to_its_shard) {
  ListenerFixture fixture;
  const std::string begin = "GET /ws?pad=";
  const std::string end = "&deviceUuid=" + kDevice + " HTTP/1.1\r\n";
  for (const std::size_t pad : {std::size_t{3000}, ws::kMaxRequestHead - begin.size() - end.size()}) {
    const std::string line = begin + std::string(pad, 'x') + end;
    BOOST_TEST(fixture.steer(line).value() == shard_of_device());
    BOOST_TEST(fixture.steer(line.substr(0, 2500), line.substr(2500)).value() == shard_of_device());
  }
}

BOOST_AUTO_TEST_CASE(a_request_line_beyond_what_the_endpoint_reads_goes_to_shard_0) {
  ListenerFixture fixture;
  const std::string line = "GET /ws?deviceUuid=" + kDevice + "&pad=" + std::string(ws::kMaxRequestHead, 'x');
  BOOST_TEST(fixture.steer(line).value() == 0u);
}

// The endpoint's parser takes it for a part of the target.
BOOST_AUTO_TEST_CASE(a_lone_line_feed_does_not_end_the_request_line) {
  ListenerFixture fixture;
  BOOST_TEST(fixture.steer("GET /ws?pad=\n&deviceUuid=" + kDevice + " HTTP/1.1\r\n").value() == shard_of_device());
}

BOOST_AUTO_TEST_CASE(an_unfinished_request_line_is_looked_at_ever_more_rarely) {
  ListenerFixture fixture;
  TcpSocket partial = fixture.connect("GET /ws?devi");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 1; }));
  BOOST_TEST(fixture.io.run_for(milliseconds(600)) <= 10u);  // handlers
}

BOOST_AUTO_TEST_CASE(a_request_line_that_does_not_end_in_time_is_a_steering_failure) {
  ListenerFixture fixture(milliseconds(50));
  TcpSocket silent = fixture.connect("");
  TcpSocket partial = fixture.connect("GET /ws?devi");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().steer_failures == 2; }));
  std::string nothing;
  BOOST_TEST((silent.read_some(nothing) == TcpSocket::Read::end));
  BOOST_TEST((partial.read_some(nothing) == TcpSocket::Read::end));
}

BOOST_AUTO_TEST_CASE(no_more_sockets_wait_to_be_steered_than_are_allowed) {
  ListenerFixture fixture(std::chrono::hours(1), 1);
  TcpSocket first = fixture.connect("GET /ws?devi");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 1; }));
  TcpSocket second = fixture.connect("GET / HTTP/1.1\r\n");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().steer_failures == 1; }));
  std::string nothing;
  BOOST_TEST((second.read_some(nothing) == TcpSocket::Read::end));
  first.write("ceUuid=" + kDevice + " HTTP/1.1\r\n");
  BOOST_TEST(fixture.run_until([&] { return fixture.taken.has_value(); }));
  BOOST_TEST(fixture.taken.value() == shard_of_device());
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_away_unheard_is_forgotten) {
  ListenerFixture fixture;
  fixture.connect("").close();
  fixture.connect("GET /ws?devi").reset();
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 2; }));
  BOOST_TEST(fixture.steer("GET / HTTP/1.1\r\n").value() == 0u);
  BOOST_TEST(fixture.listener.counters().steer_failures == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
