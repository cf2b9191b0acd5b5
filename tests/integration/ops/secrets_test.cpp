// Nothing that is secret is ever said: not in a log line at the most verbose level, not on a page for operators, not by
// a command that complains. Each secret here is a word of its own, given in one of the places that there are.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/json.hpp"
#include "tests/support/jwt.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/tcp_socket.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wall_clock.hpp"

using namespace pulsegate::test;

namespace {

using Texts = std::vector<std::string>;

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";
const std::string kTarget = "/api/v1/devices/" + kDevice + "/ws";

// Begins like every secret made here, so that a part of one is found as well.
const std::string kMark = "s3cr3t";
const std::string kRedisPassword = kMark + "-redis-pw", kDatabasePassword = kMark + "-database-pw";
const std::string kWrongPassword = kMark + "-wrong-pw", kKey = kMark + "-key, thirty-two bytes and more of it";
const std::string kCookie = kMark + "-cookie", kForwarded = kMark + "-forwarded";

// What a token shows of itself in a log: all of it, its claims, or its signature.
Texts parts_of(const std::string& token) {
  Texts parts{token};
  const std::size_t first = token.find('.'), last = token.rfind('.');
  if (first != last) {
    parts.push_back(token.substr(first + 1, last - first - 1));
    parts.push_back(token.substr(last + 1));
  }
  return parts;
}

struct Secrets {
  Texts words{kMark};

  const std::string& add(const std::string& token) {
    for (const std::string& part : parts_of(token))
      if (!part.empty()) words.push_back(part);
    return token;
  }
  std::string found_in(const std::string& text) const {
    for (const std::string& word : words)
      if (const auto at = text.find(word); at != std::string::npos) {
        const auto begin = text.rfind('\n', at) + 1;
        return '"' + word + "\" in: " + text.substr(begin, std::min<std::size_t>(text.find('\n', at) - begin, 400));
      }
    return {};
  }
};

// A server that asks for a password over TCP, of the role `gate` alone.
struct Database {
  PostgresServer server{PostgresOptions{
      50, {}, "host all gate 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n"}};

  Database() {
    server.start();
    server.exec("CREATE ROLE gate LOGIN PASSWORD '" + kDatabasePassword + "'");
    server.create_guide_schema();
    server.exec("GRANT SELECT ON ALL TABLES IN SCHEMA public TO gate");
  }
  std::string connection(const std::string& password) const {
    return "host=127.0.0.1 port=" + std::to_string(server.port()) + " dbname=postgres user=gate password=" + password;
  }
};

Database& database() {
  static Database instance;
  return instance;
}

RedisServer& redis() {
  static RedisServer server{[] {
    RedisOptions options;
    options.password = kRedisPassword;
    return options;
  }()};
  if (!server.running()) server.start();
  return server;
}

std::string redis_url(const std::string& password) {
  return "redis://default:" + password + "@127.0.0.1:" + std::to_string(redis().port()) + "/0";
}

std::string claims(long long seconds) {
  return R"({"sub":"ann","exp":)" + std::to_string(now_ms() / 1000 + seconds) + R"(,"private":"claim"})";
}

// All that is shown of a gateway from outside, but for what clients get.
std::string everything(GatewayProcess& gateway, const Texts& sessions) {
  std::string text = gateway.logs() + gateway.health("/metrics").body + gateway.health("/readyz").body;
  text += gateway.admin("/debug/sessions").body + gateway.admin("/debug/devices/" + kDevice).body;
  for (const std::string& id : sessions) text += gateway.admin("/debug/sessions/" + id).body;
  return text + gateway.admin("/debug/log-level").body + gateway.admin("/api/v1/clients").body;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(NoSecrets)

BOOST_AUTO_TEST_CASE(of_tokens_and_passwords_while_it_serves) {
  for (const std::string format : {"text", "json"}) {
    const TempDir dir;
    Secrets secrets;
    const std::string config = dir.write("p.conf", "log-level = trace\n");
    GatewayOptions options;
    options.args = {"--config",        config,
                    "--redis-file",    dir.write("redis", redis_url(kRedisPassword) + "\n"),
                    "--database-file", dir.write("database", database().connection(kDatabasePassword) + "\n"),
                    "--jwt-key",       dir.write("key", kKey),
                    "--log-format",    format,
                    "--trusted-proxy", "127.0.0.0/8"};
    GatewayProcess gateway(options);

    // Good tokens, in each of the places where one may stand.
    const std::string good = secrets.add(hmac_token(kKey, claims(60)));
    WsOptions by_header, by_protocol;
    by_header.headers = {{"Authorization", "Bearer " + good},
                         {"Cookie", "session=" + kCookie},
                         {"Proxy-Authorization", "Basic " + kCookie},
                         {"X-Forwarded-For", kForwarded + ", 192.0.2.7"},
                         {"Forwarded", "for=" + kForwarded}};
    by_protocol.subprotocols = {"pulsegate.v1", "bearer." + good};
    Texts sessions;
    std::vector<WsClient> clients;
    clients.push_back(gateway.open(kTarget, by_header));
    clients.push_back(gateway.open(kTarget, by_protocol));
    clients.push_back(gateway.open(kTarget + "?token=" + good));
    for (WsClient& client : clients) {
      sessions.push_back(client.expect("connected").at("data").at("connectionId").string());
      client.subscribe({"metrics", "history"});
      client.expect("subscribed");
    }
    const std::string renewed = secrets.add(hmac_token(kKey, claims(90)));
    clients[0].send_text(R"({"type":"auth","token":")" + renewed + R"("})");
    clients[0].expect("authenticated");
    HttpOptions plain;
    plain.headers = {{"Authorization", "Bearer " + good}};
    BOOST_TEST(gateway.get("/api/v1/devices/" + kDevice + "/snapshot", plain).status == 200);
    BOOST_TEST(gateway.get("/api/v1/devices/" + kDevice + "/history?from=x&token=" + good).status == 400);

    // Bad ones in the same places, and where none may stand.
    const Texts bad = {secrets.add(hmac_token(kKey, claims(-3'600))),
                       secrets.add(hmac_token(kMark + " of another", claims(60))), secrets.add(kMark + "-no-token"),
                       secrets.add(unsigned_token(R"({"alg":"none"})", claims(60)) + ".")};
    for (const std::string& token : bad) {
      WsOptions header, protocol;
      header.headers = {{"Authorization", "Bearer " + token}};
      protocol.subprotocols = {"pulsegate.v1", "bearer." + token};
      protocol.headers = {{"Origin", "https://" + kMark + ".example"}};
      for (WsClient& client : clients) client.send_text(R"({"type":"auth","token":")" + token + R"("})");
      BOOST_TEST(!WsClient::attempt(gateway.port(), kTarget, header).is_open());
      WsClient::attempt(gateway.port(), kTarget, protocol).expect_close();
      BOOST_TEST(!WsClient::attempt(gateway.port(), kTarget + "?token=" + token).is_open());
      for (const std::string path : {"/nowhere?token=", "/api/v1/devices/none/ws?token=", "/ws?deviceUuid=", "/"})
        gateway.get(path + token);
      gateway.health("/metrics?token=" + token);
      gateway.admin("/debug/sessions/" + token);
      http_request("PUT", "127.0.0.1", gateway.admin_port(), "/debug/log-level", token);
    }
    clients[1].send_unchecked(R"({"type":"subscribe","channels":[")" + kMark + R"("],"password":")" + kMark + R"("})");
    clients[1].send_unchecked(kMark);
    clients[1].expect_until_pong();
    clients[2].close(4'000, "bye");
    TcpSocket raw("127.0.0.1", gateway.port());
    raw.write("GET " + kTarget + "?token=" + good + " HTTP/9.9\r\nAuthorization: Bearer " + good + "\r\n\r\n");
    raw.close();

    // A configuration that is read again, with mistakes next to secrets.
    std::ofstream(config) << "log-level = trace\nshards = x\nredsi = redis://:" << kWrongPassword << "@h\n"
                          << kWrongPassword << "\nredis = redis://:" << kWrongPassword << "@h:bad\n";
    gateway.signal(SIGHUP);
    BOOST_TEST(gateway.wait_for_log("config.reload-failed").has_value());
    std::ofstream(config) << "log-level = trace\ndatabase-file = " << dir.write("other", kWrongPassword) << "\n";
    gateway.signal(SIGHUP);
    BOOST_TEST(gateway.wait_for_log("config.reloaded").has_value());

    // Both go away, and are not let in when they are back.
    RedisClient operator_of_redis = redis().client();
    operator_of_redis.command({"CONFIG", "SET", "requirepass", kMark + "-another"});
    operator_of_redis.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    database().server.exec("ALTER ROLE gate PASSWORD '" + kMark + "-another'");
    database().server.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gate'");
    BOOST_TEST(gateway.wait_for_log("bus.down").has_value());
    BOOST_TEST(eventually([&] { return gateway.metric_sum("pulsegate_bus_connect_failures_total") >= 1; }));
    // Each of another device, so that each is read; sessions end a moment after they were told to.
    int device = 0;
    BOOST_TEST(eventually([&] {
      const std::string number = std::to_string(100 + ++device);
      gateway.get("/api/v1/devices/00000000-0000-4000-8000-000000000" + number + "/snapshot", plain);
      return gateway.metric_sum("pulsegate_database_errors_total") >= 1;
    }));

    const std::string seen = everything(gateway, sessions);
    BOOST_TEST(secrets.found_in(seen) == "");
    for (const char* line : {"client.open", "client.renewed", "audit.read", "redis", "database"})
      BOOST_TEST(seen.find(line) != std::string::npos, line);  // it did say something
    clients.clear();
    BOOST_TEST(gateway.stop() == 0);
    BOOST_TEST(secrets.found_in(gateway.logs()) == "");

    operator_of_redis.command({"CONFIG", "SET", "requirepass", kRedisPassword});
    database().server.exec("ALTER ROLE gate PASSWORD '" + kDatabasePassword + "'");
  }
}

BOOST_AUTO_TEST_CASE(of_wrong_passwords_at_the_start) {
  const Secrets secrets;
  for (const std::string format : {"text", "json"}) {
    GatewayProcess gateway({"--redis", redis_url(kWrongPassword), "--database", database().connection(kWrongPassword),
                            "--auth", "none", "--log-level", "trace", "--log-format", format});
    gateway.get("/api/v1/devices/" + kDevice + "/snapshot");
    BOOST_TEST(eventually([&] { return gateway.metric_sum("pulsegate_bus_connect_failures_total") >= 1; }));
    BOOST_TEST(eventually([&] { return gateway.metric_sum("pulsegate_database_errors_total") >= 1; }));
    BOOST_TEST(secrets.found_in(everything(gateway, {})) == "");
    BOOST_TEST(gateway.stop() == 0);
    BOOST_TEST(secrets.found_in(gateway.logs()) == "");
  }
}

BOOST_AUTO_TEST_CASE(by_a_command_that_finds_fault_with_what_it_was_given) {
  const TempDir dir;
  const Secrets secrets;
  const std::string s = kMark + "-pw";
  const std::string bad_redis = dir.write("redis", "redis://u:" + s + "@h:bad\n");
  const std::string bad_database = dir.write("database", "password=" + s + " junk" + s + "\n");
  const std::string short_key = dir.write("short", s);
  const std::string no_pem = dir.write("pem", "-----BEGIN PUBLIC KEY-----\n" + s + "\n-----END PUBLIC KEY-----\n");
  const std::string config =
      dir.write("p.conf", "redis = redis://u:" + s + "@h:bad\nredsi = redis://:" + s + "@h\n" + s + "\npassword: " + s +
                              "\ndatabase = password=" + s + " junk" + s + "\n");
  const std::string good_url = redis_url(kRedisPassword), wrong_url = redis_url(kWrongPassword);
  const std::string wrong_database = database().connection(kWrongPassword);
  const std::string closed = "127.0.0.1:1";
  const std::vector<Texts> commands = {
      {"check-config", "--redis", "redis://u:" + s + "@h:badport"},
      {"check-config", "--redis", "redis://u:" + s + "@h:6379/0?" + s + "=" + s},
      {"check-config", "--redis", "http://u:" + s + "@h"},
      {"check-config", "--redis", "redis://u:" + s},
      {"check-config", "--redis", s},
      {"check-config", "--redis", "unix://u:" + s + "@/path?db=" + s},
      {"check-config", "--redis", "redis-sentinel://u:" + s + "@h:1/m?sentinel-password=" + s},
      {"check-config", "--redis", "redis-sentinel://h:1/m?sentinel-pasword=" + s},
      {"check-config", "--redis", "redis-cluster://:" + s + "@h:1,h:" + s},
      {"check-config", "--redis", "rediss://:" + s + "@h:1", "--redis-ca", short_key, "--redis-key", no_pem},
      {"check-config", "--database", "host=x password=" + s + " junk" + s},
      {"check-config", "--database", "host=x password='" + s},
      {"check-config", "--database", "host=x password=a " + s + "=1"},
      {"check-config", "--database", "passwrd=" + s},
      {"check-config", "--database", "postgresql://u:" + s + "@h/x"},
      {"check-config", "--redis-file", bad_redis, "--database-file", bad_database},
      {"check-config", "--config", config},
      {"check-config", "--jwt-key", short_key},
      {"check-config", "--jwt-key", no_pem},
      {"check-config", "--redis", good_url, "--database", wrong_database},
      {"serve", "--rediss", "redis://:" + s + "@h"},
      {"serve", "redis://:" + s + "@h"},
      {"serve", "--redis-password", s},
      {"serve", "--redis-password=" + s, "-p" + s},
      {"serve", "--redis", "--database", "password=" + s},
      {"serve", "--redis", "redis://u:" + s + "@h:bad", "--log-level", "trace"},
      {"doctor", "--redis", wrong_url, "--database", wrong_database},
      {"doctor", "--json", "--redis", wrong_url, "--database", wrong_database},
      {"doctor", "--redis", good_url, "--database", database().connection(kDatabasePassword), "--jwt-key", no_pem},
      {"doctor", "--redis", "redis://:" + s + "@" + closed, "--database", "host=127.0.0.1 port=1 passwrd=" + s},
      {"doctor", "--redis", "redis://:" + s + "@" + closed, "--database", "host=127.0.0.1 port=1 password=" + s},
      {"record", "--redis", "redis://u:" + s + "@h:bad", "-o", dir.file("x")},
      {"record", "--redis-url", good_url, "-o", dir.file("x"), s},
      {"replay", dir.write("r.ndjson", ""), "--to", "redis", "--redis", wrong_url},
      {"replay", "--stream", "--device", kDevice, "--to", "redis", "--redis", wrong_url},
      {"replay", "--database", wrong_database, "--device", kDevice, "--to", "redis", "--redis", good_url},
      {"watch", "ws://u:" + s + "@" + closed + kTarget + "?token=" + s},
      {"watch", "--token", s, "ws://" + closed + kTarget},
      {"watch", "--tokn", s, "ws://" + closed + kTarget},
      {"watch", "ws://" + closed + kTarget, s},
      {"health", "http://u:" + s + "@" + closed + "/?token=" + s},
      {"health", "http://" + closed, s},
      {"drain", "--password=" + s},
      {"inspect", "--key=" + s},
  };
  const auto check = [&](const RunResult& result, const std::string& what) {
    const std::string found = secrets.found_in(result.output + result.errors);
    BOOST_TEST(found.empty(), what << "shows " << found);
    BOOST_TEST(!(result.output + result.errors).empty(), what);
  };
  for (const Texts& command : commands) {
    std::string what;
    for (const std::string& word : command) what += word + " ";
    check(run_pulsegate(command), what);
  }
  for (const auto& [name, value] : std::map<std::string, std::string>{{"PULSEGATE_REDIS", "redis://:" + s + "@h:bad"},
                                                                      {"PULSEGATE_REDSI", "redis://:" + s + "@h"},
                                                                      {"PULSEGATE_DATABASE", "password=" + s + " junk"},
                                                                      {"PULSEGATE_SHARDS", "1"}})
    check(run_pulsegate({"check-config"}, {{name, value}}), name);
}

// The search itself can find something.
BOOST_AUTO_TEST_CASE(is_judged_by_a_search_that_finds_them) {
  Secrets secrets;
  secrets.add("aaaa.bbbb.cccc");
  BOOST_TEST(secrets.found_in("one\ntwo " + kRedisPassword + " three\nfour") ==
             "\"s3cr3t\" in: two s3cr3t-redis-pw three");
  BOOST_TEST(secrets.found_in("signature cccc") != "");
  BOOST_TEST(secrets.found_in("user gate") == "");
}

BOOST_AUTO_TEST_SUITE_END()
