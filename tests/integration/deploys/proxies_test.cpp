// haproxy and nginx with the files that deploy/ ships, in front of real gateways.
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include "replicas.hpp"
#include "tests/support/wall_clock.hpp"

using namespace pulsegate::test;

namespace pulsegate::test {
static std::ostream& operator<<(std::ostream& out, Balancer::Kind kind) {
  return out << name(kind);
}
}  // namespace pulsegate::test

namespace {

const auto kBoth = boost::unit_test::data::make({Balancer::Kind::haproxy, Balancer::Kind::nginx});

// What ends a quiet connection, cut down to a second.
Balancer::Edits impatient(Balancer::Kind kind) {
  if (kind == Balancer::Kind::haproxy) return {{"timeout tunnel 1h", "timeout tunnel 1s"}};
  return {{"proxy_read_timeout 1h", "proxy_read_timeout 1s"}, {"proxy_send_timeout 1h", "proxy_send_timeout 1s"}};
}

std::string device(unsigned number) {
  char text[64];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012x", number);
  return text;
}

WsClient open(const Balancer& proxy, const std::string& uuid, bool browser = false) {
  WsOptions options;
  if (browser) options.headers = {{"Origin", "https://dashboard.example"}};
  return WsClient::open(proxy.port(), "/api/v1/devices/" + uuid + "/ws", options);
}

// As the API server: appended to the stream, then published.
void report(Replicas& world, const std::string& uuid, int value) {
  const std::string metrics = R"({"cpu_usage":)" + std::to_string(value) + "}";
  const std::string time = iso_time(now_ms());
  world.redis().client().command("XADD", "metrics:" + uuid, "*", "timestamp", time, "data", metrics);
  world.redis().publish("device:" + uuid + ":metrics",
                        R"({"deviceUuid":")" + uuid + R"(","metrics":)" + metrics + R"(,"timestamp":")" + time + "\"}");
}

double value_of(const Json& metrics) {
  return metrics.at("data").at("cpu_usage").number();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Proxies)

BOOST_DATA_TEST_CASE(websockets_and_plain_requests_pass, kBoth, kind) {
  Replicas world(3, {});
  const Balancer proxy(kind, world.backends());
  std::vector<WsClient> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(open(proxy, device(1), i % 2 == 0));
    clients.back().subscribe({"metrics"});
    clients.back().expect("subscribed");
  }
  report(world, device(1), 5);
  for (WsClient& client : clients) BOOST_TEST(value_of(client.expect("metrics")) == 5);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(world.clients(i) == 3u);  // the one with the fewest gets the next
  const HttpResponse snapshot = http_get(proxy.port(), "/api/v1/devices/" + device(1) + "/snapshot");
  BOOST_TEST(snapshot.status == 200);
  BOOST_TEST(value_of(snapshot.json().at("metrics")) == 5);
  BOOST_TEST(clients[0].close().code == 1000);
}

BOOST_DATA_TEST_CASE(pings_keep_a_quiet_socket_beyond_the_timeouts_of_the_proxy, kBoth, kind) {
  Replicas world(1, {"--ping-interval", "300ms"});
  const Balancer proxy(kind, world.backends(), impatient(kind));
  WsClient quiet = open(proxy, device(2));
  quiet.expect("connected");
  BOOST_TEST(!quiet.receive(Millis(3'500)).has_value());
  BOOST_TEST(!quiet.ended());
  BOOST_TEST(quiet.pings_received() >= 8u);
  BOOST_TEST(quiet.expect_until_pong().empty());
}

// The same without pings in time: the timeouts are there.
BOOST_DATA_TEST_CASE(without_pings_in_time_the_proxy_cuts_a_quiet_socket, kBoth, kind) {
  Replicas world(1, {});
  const Balancer proxy(kind, world.backends(), impatient(kind));
  WsClient quiet = open(proxy, device(3));
  quiet.expect("connected");
  BOOST_TEST(quiet.expect_close(Millis(6'000)).code == 1006);
}

BOOST_DATA_TEST_CASE(a_draining_replica_gets_nobody_new_from_the_first_moment_on, kBoth, kind) {
  Replicas world(2, {"--drain-time", "0s"});
  const Balancer proxy(kind, world.backends());
  BOOST_TEST(world.at(0).admin_post("/drain").status == 202);
  // No check has failed by now: what the draining one refuses is tried elsewhere, for browsers as well.
  std::vector<WsClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(open(proxy, device(4), i % 2 == 0));
    clients.back().expect("connected");
    BOOST_TEST(clients.back().expect_until_pong().empty());
  }
  BOOST_TEST(world.clients(0) == 0u);
  BOOST_TEST(world.clients(1) == 10u);
}

BOOST_AUTO_TEST_CASE(haproxy_asks_readyz_and_sends_nobody_to_who_is_not_ready_though_it_still_serves) {
  Replicas world(2, {"--drain-delay", "60s"});
  const Balancer proxy(Balancer::Kind::haproxy, world.backends());
  WsClient inside = open(proxy, device(5));
  inside.expect("connected");
  const std::size_t leaving = world.clients(0) == 1 ? 0 : 1;
  BOOST_TEST(world.at(leaving).admin_post("/drain").status == 202);
  // Two checks later everybody who comes lands on the other one. Each round closes what it has opened.
  BOOST_TEST(eventually(
      [&] {
        std::vector<WsClient> clients;
        for (int i = 0; i < 6; ++i) clients.push_back(open(proxy, device(5)));
        return world.clients(leaving) == 1 && world.clients(1 - leaving) >= 6;
      },
      Millis(10'000), Millis(200)));
  BOOST_TEST(inside.expect_until_pong().empty());  // and whom it has, it keeps
  // Or they would wait for the minute to be over.
  for (std::size_t i = 0; i < 2; ++i) world.at(i).kill();
}

BOOST_DATA_TEST_CASE(a_client_that_is_sent_away_goes_on_where_it_stood_on_another_replica, kBoth, kind) {
  Replicas world(2, {"--drain-time", "100ms"});
  const Balancer proxy(kind, world.backends());
  const std::string uuid = device(6);
  WsClient client = open(proxy, uuid);
  client.subscribe({"metrics"});
  client.expect("subscribed");
  report(world, uuid, 1);
  const std::string cursor = client.expect("metrics").at("cursor").string();
  const std::size_t first = world.clients(0) == 1 ? 0 : 1;
  BOOST_REQUIRE(world.at(first).signal(SIGTERM));
  client.expect("reconnect");
  BOOST_TEST(client.expect_close().code == 1012);
  for (int value = 2; value <= 5; ++value) report(world, uuid, value);

  WsClient again = open(proxy, uuid);
  again.subscribe({"metrics"}, R"("since":")" + cursor + "\"");
  BOOST_TEST(again.expect("subscribed").at("resumed").boolean());
  for (int value = 2; value <= 5; ++value) BOOST_TEST(value_of(again.expect("metrics")) == value);
  report(world, uuid, 6);
  BOOST_TEST(value_of(again.expect("metrics")) == 6);
  BOOST_TEST(world.clients(1 - first) == 1u);
  BOOST_TEST(world.at(first).wait().value_or(-1) == 0);
}

BOOST_DATA_TEST_CASE(the_clients_address_is_handed_on, kBoth, kind) {
  // In the place of a gateway one that keeps the request and answers it.
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  Replicas world(1, {});
  const Balancer proxy(kind, {{acceptor.local_endpoint().port(), world.backends()[0].health}});
  TcpSocket client("127.0.0.1", proxy.port());
  BOOST_REQUIRE(client.write("GET /api/v1/devices/" + device(7) +
                             "/ws HTTP/1.1\r\nHost: dash.example:81\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  acceptor.non_blocking(true);
  asio::ip::tcp::socket peer(io);
  asio::error_code error;
  BOOST_REQUIRE(eventually([&] { return !acceptor.accept(peer, error); }));
  peer.non_blocking(false);
  std::string head;
  for (std::array<char, 4096> buffer; head.find("\r\n\r\n") == std::string::npos;)
    head.append(buffer.data(), peer.read_some(asio::buffer(buffer)));
  asio::write(peer, asio::buffer(std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")));
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* line : {"x-forwarded-for: 127.0.0.1\r\n", "host: dash.example:81\r\n", "upgrade: websocket\r\n",
                           "connection: upgrade\r\n"})
    BOOST_TEST(head.find(line) != std::string::npos, line << " is missing in " << head);
}

BOOST_AUTO_TEST_SUITE_END()
