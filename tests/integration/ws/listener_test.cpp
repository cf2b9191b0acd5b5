// A real Listener on loopback, with several shards: where sockets go, and that nothing of it outlives its end.
#include "gateway/ws/listener.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
      : ListenerFixture(config(steer_timeout, max_steering)) {}
  explicit ListenerFixture(const ws::ListenerConfig& listener_config) : listener(io, listener_config, calls()) {
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

  // What the latest socket that was handed over holds unread, once it has `text` in it.
  std::string unread(const std::string& text) {
    std::string bytes(1'000, '\0');
    eventually([&] {
      const ssize_t got = ::recv(given->native_handle(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
      return bytes.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0))).find(text) != std::string::npos;
    });
    return bytes.substr(0, bytes.find('\0'));
  }

  asio::io_context io{1};
  std::optional<std::size_t> taken;  // the shard that got the latest socket
  std::optional<asio::ip::tcp::socket> given;
  std::string source;                           // of it
  access::Limit verdict = access::Limit::none;  // what is said of every socket
  bool keep = false;                            // sockets that are handed over
  bool admitted = true;                         // the same
  std::vector<std::string> blamed;              // addresses
  ws::Listener listener;

  static ws::ListenerConfig config(milliseconds steer_timeout, std::size_t max_steering) {
    ws::ListenerConfig result;
    result.host = "127.0.0.1";
    result.shards = kShards;
    result.steer_timeout = steer_timeout;
    result.max_steering = max_steering;
    return result;
  }
  static ws::ListenerConfig behind_a_proxy(std::size_t shards, milliseconds timeout = std::chrono::hours(1)) {
    ws::ListenerConfig result = config(timeout, 100);
    result.shards = shards;
    result.proxy_protocol = access::NetworkList({"127.0.0.1"});
    return result;
  }

 private:
  ws::ListenerCalls calls() {
    ws::ListenerCalls result;
    result.hand_over = [this](asio::ip::tcp::socket socket, std::size_t shard, ws::Arrival arrival) {
      taken = shard;
      source = arrival.source.text();
      if (keep) given = std::move(socket);
    };
    result.admit = [this](ws::Arrival& arrival) {
      arrival.limited = verdict;
      return admitted;
    };
    result.blame = [this](const access::IpAddress& address) { blamed.push_back(address.text()); };
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
  BOOST_TEST(fixture.blamed.size() == 2u);
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

// It need not say what it wants.
BOOST_AUTO_TEST_CASE(a_socket_that_is_to_be_refused_is_handed_over_unheard) {
  ListenerFixture fixture;
  fixture.verdict = access::Limit::address;
  TcpSocket silent = fixture.connect("");
  BOOST_TEST(fixture.run_until([&] { return fixture.taken.has_value(); }));
  BOOST_TEST(fixture.source == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_not_admitted_is_reset) {
  ListenerFixture fixture;
  fixture.admitted = false;
  TcpSocket socket = fixture.connect("GET / HTTP/1.1\r\n");
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 1; }));
  std::string nothing;
  BOOST_TEST((socket.read_some(nothing) == TcpSocket::Read::end));
  BOOST_TEST(!fixture.taken.has_value());
  BOOST_TEST(fixture.listener.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(above_the_rate_sockets_wait_in_the_kernel_and_come_in_later) {
  ws::ListenerConfig config = ListenerFixture::config(std::chrono::hours(1), 100);
  config.shards = 1;
  config.accept_rate = 20;
  ListenerFixture fixture(config);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<TcpSocket> sockets;
  for (int i = 0; i < 40; ++i) sockets.push_back(fixture.connect(""));
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 40; }));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= milliseconds(900)));
  BOOST_TEST(fixture.listener.counters().rate_pauses > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ProxyProtocol)

const std::string kRequest = "GET /ws?deviceUuid=" + kDevice + " HTTP/1.1\r\n";
const std::string kHeader = "PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n";
const std::string kVersion2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\1\x12\x67\0\x50", 28);

BOOST_DATA_TEST_CASE(the_header_is_taken_off_and_names_the_client,
                     boost::unit_test::data::make({std::size_t{1}, kShards}) *
                         boost::unit_test::data::make({kHeader, kVersion2}),
                     shards, header) {
  for (std::size_t cut = 1; cut < header.size() + 5; cut += 3) {
    ListenerFixture fixture(ListenerFixture::behind_a_proxy(shards));
    fixture.keep = true;
    const std::string all = header + kRequest;
    BOOST_TEST(fixture.steer(all.substr(0, cut), all.substr(cut)).value() == (shards == 1 ? 0 : shard_of_device()));
    BOOST_TEST(fixture.source == "192.0.2.7");
    BOOST_TEST(fixture.unread("\r\n") == kRequest);
  }
}

BOOST_AUTO_TEST_CASE(a_proxy_that_speaks_for_itself_is_nobody) {
  ListenerFixture fixture(ListenerFixture::behind_a_proxy(1));
  BOOST_TEST(fixture.steer("PROXY UNKNOWN\r\n" + kRequest).value() == 0u);
  BOOST_TEST(fixture.source == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_header_is_closed) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("PROXY TCP4 x y\r\n"),
                                   std::string("PROXY ") + std::string(200, 'x')}) {
    ListenerFixture fixture(ListenerFixture::behind_a_proxy(1));
    TcpSocket socket = fixture.connect(bytes);
    BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().proxy_failures == 1; }));
    std::string nothing;
    BOOST_TEST((socket.read_some(nothing) == TcpSocket::Read::end));
    BOOST_TEST(!fixture.taken.has_value());
    BOOST_TEST(fixture.blamed.empty());  // the proxy's address is everybody's
  }
}

BOOST_AUTO_TEST_CASE(a_header_that_does_not_end_in_time_is_closed) {
  ListenerFixture fixture(ListenerFixture::behind_a_proxy(1, milliseconds(50)));
  TcpSocket silent = fixture.connect("");
  TcpSocket partial = fixture.connect("PROXY TCP4 192.0.2.7 ");
  BOOST_TEST(fixture.listener.waiting() == 0u);
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().proxy_failures == 2; }));
  BOOST_TEST(fixture.listener.waiting() == 0u);
}

// Load balancers look whether a port is open.
BOOST_AUTO_TEST_CASE(a_proxy_that_goes_away_without_a_word_is_no_failure) {
  ListenerFixture fixture(ListenerFixture::behind_a_proxy(1));
  fixture.connect("").close();
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.counters().accepted == 1; }));
  BOOST_TEST(fixture.run_until([&] { return fixture.listener.waiting() == 0; }));
  BOOST_TEST(fixture.listener.counters().proxy_failures == 0u);
}

BOOST_AUTO_TEST_CASE(whoever_is_no_proxy_may_not_send_a_header) {
  ws::ListenerConfig config = ListenerFixture::behind_a_proxy(1);
  config.proxy_protocol = access::NetworkList({"192.0.2.0/24"});
  ListenerFixture fixture(config);
  fixture.keep = true;
  BOOST_TEST(fixture.steer(kHeader + kRequest).value() == 0u);
  BOOST_TEST(fixture.source == "127.0.0.1");
  BOOST_TEST(fixture.unread("HTTP/1.1") == kHeader + kRequest);  // for the endpoint, which refuses it
}

BOOST_AUTO_TEST_SUITE_END()
