// rediss:// against a real redis-server with TLS: who may answer, who may ask, and what is said when it is refused.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::BusWorld;
using test::contains;
using test::RecordingSink;
using test::RedisOptions;
using test::RedisServer;
using test::TlsFiles;

namespace {

RedisOptions options_with(const TlsFiles& files) {
  RedisOptions options;
  options.tls = files;
  return options;
}

const TlsFiles& client_files() {
  static const TlsFiles files = test::shared_ca().issue("client", "DNS:pulsegate");
  return files;
}

bus::RedisConfig config_for(const RedisServer& server, const std::string& host = "127.0.0.1") {
  auto config = test::quick_config("rediss://" + host + ":" + std::to_string(server.tls_port()));
  config.tls.ca_file = client_files().ca;
  config.tls.cert_file = client_files().cert;
  config.tls.key_file = client_files().key;
  return config;
}

std::string refusal(const bus::RedisConfig& config) {
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.has("up"); }));
  BOOST_REQUIRE(sink.has("down"));
  return sink.reasons[0];
}

void expect_up(const bus::RedisConfig& config) {
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.confirmations == 1; }));
  BOOST_TEST(!sink.has("down"), (sink.reasons.empty() ? "" : sink.reasons[0]));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisTlsTest)

BOOST_AUTO_TEST_CASE(server_is_accepted_by_the_names_of_its_certificate_only) {
  RedisServer server(options_with(test::shared_ca().issue("named", "DNS:localhost,IP:127.0.0.1")));
  server.start();
  expect_up(config_for(server));
  expect_up(config_for(server, "localhost"));
  auto other = config_for(server);
  other.tls.server_name = "redis.example.org";
  const std::string refused = refusal(other);
  BOOST_TEST(contains(refused, "not for redis.example.org"), refused);
  BOOST_TEST(contains(refused, "--redis-server-name"), refused);
}

BOOST_AUTO_TEST_CASE(certificate_for_another_name_needs_the_server_name) {
  RedisServer server(options_with(test::shared_ca().issue("elsewhere", "DNS:redis.example.org")));
  server.start();
  BOOST_TEST(contains(refusal(config_for(server)), "not for 127.0.0.1"));
  BOOST_TEST(contains(refusal(config_for(server, "localhost")), "not for localhost"));
  auto config = config_for(server);
  config.tls.server_name = "redis.example.org";
  expect_up(config);
}

BOOST_AUTO_TEST_CASE(expired_and_unknown_certificates_are_told_apart) {
  RedisServer expired(options_with(test::shared_ca().issue("expired", "IP:127.0.0.1", -1)));
  expired.start();
  BOOST_TEST(contains(refusal(config_for(expired)), "expired"));
  const test::TestCa stranger;
  RedisServer server(options_with(stranger.issue("stranger", "IP:127.0.0.1")));
  server.start();
  BOOST_TEST(contains(refusal(config_for(server)), "unknown CA"));
  auto system = config_for(server);
  system.tls.ca_file.clear();
  BOOST_TEST(contains(refusal(system), "--redis-ca"));
}

BOOST_AUTO_TEST_CASE(client_certificate_that_is_missing_or_not_accepted_is_told) {
  RedisServer server(options_with(test::shared_ca().issue("strict", "IP:127.0.0.1")));
  server.start();
  auto config = config_for(server);
  config.tls.cert_file.clear();
  config.tls.key_file.clear();
  BOOST_TEST(contains(refusal(config), "--redis-cert and --redis-key"));
  const test::TestCa stranger;
  const TlsFiles foreign = stranger.issue("foreign", "DNS:pulsegate");
  config.tls.cert_file = foreign.cert;
  config.tls.key_file = foreign.key;
  const std::string refused = refusal(config);
  BOOST_TEST(contains(refused, "does not accept the certificate of --redis-cert"), refused);
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_used_are_named) {
  RedisServer server(options_with(test::shared_ca().issue("plain", "IP:127.0.0.1")));
  server.start();
  auto config = config_for(server);
  config.tls.ca_file = "/nonexistent/ca.crt";
  BOOST_TEST(contains(refusal(config), "/nonexistent/ca.crt: No such file"));
  config = config_for(server);
  config.tls.ca_file = client_files().key;
  BOOST_TEST(contains(refusal(config), "holds no usable certificate"));
  config = config_for(server);
  config.tls.key_file = "/nonexistent/client.key";
  BOOST_TEST(contains(refusal(config), "--redis-key /nonexistent/client.key"));
  config.tls.key_file = test::shared_ca().issue("another", "DNS:another").key;
  BOOST_TEST(contains(refusal(config), "holds no key of the certificate"));
}

BOOST_AUTO_TEST_CASE(plain_and_encrypted_ports_are_told_apart) {
  RedisServer server(options_with(test::shared_ca().issue("both", "IP:127.0.0.1")));
  server.start();
  auto config = config_for(server);
  config.url.port = server.port();
  config.connect_timeout = test::Millis(300);
  BOOST_TEST(contains(refusal(config), "does that port speak TLS?"));
  config.connect_timeout = test::kDeadline;
  config.url = test::quick_config(server.url()).url;
  config.url.port = server.tls_port();
  BOOST_TEST(!refusal(config).empty());
}

// A peer that accepts and never speaks TLS must not hold us longer than the connect timeout.
BOOST_AUTO_TEST_CASE(silent_peer_meets_the_connect_timeout) {
  RedisServer server(options_with(test::shared_ca().issue("silent", "IP:127.0.0.1")));
  server.start();
  server.pause();
  auto config = config_for(server);
  config.connect_timeout = test::Millis(200);
  BOOST_TEST(contains(refusal(config), "connect timeout"));
}

BOOST_AUTO_TEST_CASE(renewed_files_count_from_the_next_connection_on) {
  const test::TestCa ca;
  RedisServer server(options_with(ca.issue("server", "IP:127.0.0.1")));
  server.start();
  auto config = config_for(server);
  config.tls.ca_file = ca.file();
  const TlsFiles own = ca.issue("own", "DNS:pulsegate");
  config.tls.cert_file = own.cert;
  config.tls.key_file = own.key;
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
  ca.issue("own", "DNS:pulsegate", -1);
  test::kill_connection(server);
  BOOST_REQUIRE(world.run_until([&] { return contains(world.subscriber().last_error(), "--redis-cert"); }));
  ca.issue("own", "DNS:pulsegate");
  BOOST_REQUIRE(world.run_until([&] { return sink.count("up") == 2; }));
}

BOOST_AUTO_TEST_CASE(large_events_floods_and_streams_come_over_tls) {
  RedisServer server(options_with(test::shared_ca().issue("busy", "IP:127.0.0.1")));
  server.start();
  RecordingSink sink;
  BusWorld world(config_for(server));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  const std::string large(200'000, 'x');
  std::vector<std::pair<std::string, std::string>> flood(2'000, {"t", std::string(1000, 'y')});
  flood.insert(flood.begin() + 1'000, {"t", large});
  server.client().publish_all(flood);
  BOOST_REQUIRE(world.run_until([&] { return sink.events == flood.size(); }));
  BOOST_TEST(sink.has("event t " + large));
  BOOST_TEST(!sink.has("down"));

  const auto device = *proto::DeviceId::parse("0a0a0a0a-2222-3333-4444-555555555555");
  for (int i = 0; i < 50; ++i)
    server.client().command("XADD", "metrics:" + device.text(), "*", "data", std::string(20'000, 'z'));
  bus::RedisStreamConfig stream;
  stream.redis = config_for(server);
  test::StreamWorld reader(stream);
  const auto answer = reader.read(device);
  BOOST_REQUIRE_MESSAGE(answer.ok, answer.detail);
  BOOST_TEST(answer.entries.size() == 50u);
}

BOOST_AUTO_TEST_SUITE_END()
