// Whom the gateway counts when proxies stand before it: a real haproxy with each of its ways to say it, and those who
// only pretend.
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>
#include <vector>

#include "stack.hpp"
#include "tests/support/haproxy.hpp"

using namespace pulsegate::test;
namespace data = boost::unit_test::data;

namespace pulsegate::test {

std::ostream& operator<<(std::ostream& out, HaproxyMode mode) {
  return out << static_cast<int>(mode);
}

}  // namespace pulsegate::test

namespace {

WsOptions from(const std::string& address) {
  WsOptions options;
  options.tcp.source_address = address;
  return options;
}

std::string target(const std::string& device) {
  return "/api/v1/devices/" + device + "/ws";
}

// A request that needs no handshake, over a socket that has said `before` first. 0: closed without an answer.
int status_of(Stack& stack, const std::string& before, const std::string& source, const std::string& headers = {}) {
  TcpSocket socket("127.0.0.1", stack.gateway().port(), from(source).tcp);
  socket.write(before + "GET /api/v1/devices/" + new_device() + "/snapshot HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  std::string rest;
  try {
    return read_http_response(socket, rest).status;
  } catch (const std::runtime_error&) {
    return 0;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Proxies)

BOOST_DATA_TEST_CASE(each_client_behind_haproxy_is_counted_by_its_own_address,
                     data::make({std::string("1"), std::string("2")}) *
                         data::make({HaproxyMode::proxy_v1, HaproxyMode::proxy_v2, HaproxyMode::forwarded_for}),
                     shards, mode) {
  const char* const option = mode == HaproxyMode::forwarded_for ? "--trusted-proxy" : "--proxy-protocol";
  Stack stack({"--shards", shards, option, "127.0.0.1", "--max-connections-per-address", "2"});
  const Haproxy proxy(mode, stack.gateway().port());
  const std::string device = new_device();
  std::vector<WsClient> clients;
  for (const char* address : {"127.0.0.5", "127.0.0.6"})
    for (int i = 0; i < 2; ++i) {
      clients.push_back(WsClient::open(proxy.port(), target(device), from(address)));
      clients.back().subscribe({"metrics"});
      clients.back().expect("subscribed");
    }
  BOOST_TEST(stack.redis().client().subscribers("device:" + device + ":metrics") == 1);  // all on one shard
  BOOST_TEST(WsClient::attempt(proxy.port(), target(device), from("127.0.0.5")).response().status == 429);
  // Whatever a client writes itself: the proxy adds the truth behind it.
  WsOptions liar = from("127.0.0.5");
  liar.headers = {{"X-Forwarded-For", "192.0.2.99"}, {"Forwarded", "for=192.0.2.99"}};
  BOOST_TEST(WsClient::attempt(proxy.port(), target(device), liar).response().status == 429);
  BOOST_TEST(WsClient::attempt(proxy.port(), target(device), from("127.0.0.7")).is_open());
  BOOST_TEST(stack.gateway().wait_for_log("127.0.0.5").has_value());
  stack.publish(device, 7, now_ms());
  for (WsClient& client : clients) BOOST_TEST(client.expect("metrics").at("data").at("cpu_usage").number() == 7);
  clients.erase(clients.begin());
  BOOST_TEST(eventually([&] { return WsClient::attempt(proxy.port(), target(device), from("127.0.0.5")).is_open(); }));
}

BOOST_AUTO_TEST_CASE(named_proxies_turn_the_limit_on) {
  Stack stack({"--trusted-proxy", "127.0.0.1", "--connect-rate-per-address", "0"});
  std::vector<WsClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(stack.open(new_device(), from("127.0.0.9")));
  BOOST_TEST(WsClient::attempt(stack.gateway().port(), target(new_device()), from("127.0.0.9")).response().status ==
             429);
}

BOOST_AUTO_TEST_CASE(a_proxy_itself_is_not_limited) {
  Stack stack({"--trusted-proxy", "127.0.0.0/29", "--max-connections-per-address", "1"});
  std::vector<WsClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(stack.open(new_device(), from("127.0.0.2")));
  BOOST_TEST(stack.gateway().metric("pulsegate_client_addresses").value() == 0);
}

BOOST_AUTO_TEST_CASE(a_header_of_somebody_who_is_no_proxy_is_nothing) {
  Stack stack({"--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1"});
  const WsClient inside = stack.open(new_device(), from("127.0.0.9"));
  BOOST_TEST(status_of(stack, "", "127.0.0.9", "X-Forwarded-For: 192.0.2.1\r\n") == 429);
  BOOST_TEST(status_of(stack, "", "127.0.0.9", "X-Forwarded-For: 127.0.0.1\r\n") == 429);
}

BOOST_AUTO_TEST_CASE(several_headers_are_one_list_and_the_other_header_is_not_read) {
  Stack stack({"--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1"});
  const WsClient inside = stack.open(new_device(), from("127.0.0.9"));
  const std::string spoofed = "X-Forwarded-For: 192.0.2.1\r\n";
  const std::string added = "X-Forwarded-For: 127.0.0.9\r\n";
  BOOST_TEST(status_of(stack, "", "127.0.0.1", spoofed + added) == 429);
  BOOST_TEST(status_of(stack, "", "127.0.0.1", added + spoofed) == 200);
  BOOST_TEST(status_of(stack, "", "127.0.0.1", "Forwarded: for=127.0.0.9\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(forwarded_is_read_where_the_operator_says_so) {
  Stack stack(
      {"--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1", "--forwarded-header", "forwarded"});
  const WsClient inside = stack.open(new_device(), from("127.0.0.9"));
  BOOST_TEST(status_of(stack, "", "127.0.0.1", "Forwarded: for=192.0.2.1, for=\"127.0.0.9:80\";proto=http\r\n") == 429);
  BOOST_TEST(status_of(stack, "", "127.0.0.1", "X-Forwarded-For: 127.0.0.9\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(only_a_named_peer_speaks_the_proxy_protocol_and_it_must) {
  Stack stack({"--proxy-protocol", "127.0.0.1", "--max-connections-per-address", "1", "--handshake-timeout", "300ms"});
  const std::string header = "PROXY TCP4 127.0.0.9 127.0.0.1 4711 80\r\n";
  const WsClient inside = stack.open(new_device(), from("127.0.0.9"));
  BOOST_TEST(status_of(stack, header, "127.0.0.1") == 429);
  BOOST_TEST(status_of(stack, "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n", "127.0.0.1") == 200);
  BOOST_TEST(status_of(stack, "PROXY UNKNOWN\r\n", "127.0.0.1") == 200);  // its own health check
  BOOST_TEST(status_of(stack, "", "127.0.0.1") == 0);
  BOOST_TEST(status_of(stack, "PROXY TCP4 nonsense\r\n", "127.0.0.1") == 0);
  TcpSocket cut_off("127.0.0.1", stack.gateway().port());
  cut_off.write("PROXY TCP4 192.0.");
  std::string nothing;
  BOOST_TEST((cut_off.read_some(nothing) == TcpSocket::Read::end));
  BOOST_TEST(stack.gateway().metric("pulsegate_sockets_dropped_total{reason=\"proxy-header\"}").value() == 3);
  BOOST_TEST(status_of(stack, header, "127.0.0.8") == 400);
  BOOST_TEST(status_of(stack, "", "127.0.0.7") == 200);
}

// An L4 load balancer before a reverse proxy.
BOOST_AUTO_TEST_CASE(both_ways_may_follow_each_other) {
  Stack stack(
      {"--proxy-protocol", "127.0.0.1", "--trusted-proxy", "192.0.2.0/24", "--max-connections-per-address", "1"});
  const WsClient inside = stack.open(new_device(), from("127.0.0.9"));
  const std::string by_nginx = "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n";
  BOOST_TEST(status_of(stack, by_nginx, "127.0.0.1", "X-Forwarded-For: 127.0.0.9\r\n") == 429);
  BOOST_TEST(status_of(stack, by_nginx, "127.0.0.1", "X-Forwarded-For: 198.51.100.1\r\n") == 200);
  // The balancer's own address is not one whose header counts.
  BOOST_TEST(status_of(stack, "PROXY UNKNOWN\r\n", "127.0.0.1", "X-Forwarded-For: 127.0.0.9\r\n") == 200);
}

BOOST_AUTO_TEST_SUITE_END()
