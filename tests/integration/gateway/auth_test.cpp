// Tokens against the real gateway: where they are taken from, what everybody else is told, which rights they give, and
// that they stand in no log, metric or answer.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "auth_world.hpp"

using namespace pulsegate::test;

namespace {

// `error`, then the close code, as a browser gets it.
void check_told_and_closed(const AuthWorld& world, const std::string& device, WsOptions options,
                           const std::string& code, int close) {
  options.headers.emplace_back("Origin", "https://dash.example");
  WsClient client = WsClient::attempt(world.port(), device_target(device), options);
  BOOST_TEST_REQUIRE(client.is_open());
  BOOST_TEST(client.expect("error").at("data").at("code").string() == code);
  BOOST_TEST(client.expect_close().code == close);
}

void check_status(const AuthWorld& world, const std::string& device, const WsOptions& options, int status,
                  const std::string& code) {
  const WsClient client = WsClient::attempt(world.port(), device_target(device), options);
  BOOST_TEST(!client.is_open());
  BOOST_TEST(client.response().status == status);
  BOOST_TEST(client.response().json().at("error").at("code").string() == code);
  BOOST_TEST((client.response().header("www-authenticate").substr(0, 6) == "Bearer") == (status == 401));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Auth)

BOOST_AUTO_TEST_CASE(a_token_is_taken_from_each_of_its_places) {
  AuthWorld world;
  const std::string device = new_device(), token = world.token();
  WsClient header = WsClient::open(world.port(), device_target(device), bearer(token));
  header.expect("connected");
  BOOST_TEST(header.subprotocol() == "");
  WsClient query = WsClient::open(world.port(), device_target(device) + "?token=" + token);
  query.expect("connected");
  WsClient old = WsClient::open(world.port(), "/ws?deviceUuid=" + device + "&token=" + token);
  old.expect("connected");
  WsOptions offered;
  offered.subprotocols = {"pulsegate.v1", "bearer." + token};
  WsClient subprotocol = WsClient::open(world.port(), device_target(device), offered);
  subprotocol.expect("connected");
  BOOST_TEST(subprotocol.subprotocol() == "pulsegate.v1");
  offered.subprotocols = {"bearer." + token};
  BOOST_TEST(WsClient::open(world.port(), device_target(device), offered).subprotocol() == "");
  HttpOptions http;
  http.headers.emplace_back("Authorization", "Bearer " + token);
  BOOST_TEST(world.stack.gateway().get("/api/v1/devices/" + device + "/snapshot", http).status == 200);
  BOOST_TEST(world.stack.gateway().get("/api/v1/devices/" + device + "/snapshot?token=" + token).status == 200);
}

BOOST_AUTO_TEST_CASE(the_others_are_told_by_status_or_by_close_code) {
  AuthWorld world;
  const std::string device = new_device();
  const std::string forged = hmac_token("another secret of 32 bytes at le", claims("alice", in_seconds(60)));
  check_status(world, device, {}, 401, "unauthorized");
  check_status(world, device, bearer(forged), 401, "unauthorized");
  check_status(world, device, bearer(world.token(-1)), 401, "token-expired");
  check_status(world, device, bearer(world.token(60, R"(,"devices":[")" + new_device() + "\"]")), 403, "forbidden");
  check_told_and_closed(world, device, {}, "unauthorized", 4401);
  check_told_and_closed(world, device, bearer(forged), "unauthorized", 4401);
  check_told_and_closed(world, device, bearer(world.token(-1)), "token-expired", 4401);
  check_told_and_closed(world, device, bearer(world.token(60, R"(,"devices":[])")), "forbidden", 4403);
  for (const char* rest : {"/snapshot", "/history?from=0"}) {
    const std::string target = "/api/v1/devices/" + device + rest;
    const HttpResponse missing = world.stack.gateway().get(target);
    BOOST_TEST(missing.status == 401);
    BOOST_TEST(missing.header("www-authenticate") == "Bearer realm=\"pulsegate\"");
    BOOST_TEST(missing.json().at("error").at("code").string() == "unauthorized");
    HttpOptions other;
    other.headers.emplace_back("Authorization", "Bearer " + world.token(60, R"(,"devices":[])"));
    BOOST_TEST(world.stack.gateway().get(target, other).status == 403);
  }
  // No device was touched for any of them.
  BOOST_TEST(world.stack.gateway().metric_sum("pulsegate_devices") == 0);
  BOOST_TEST(world.failures("missing") == 4);
  BOOST_TEST(world.failures("signature") == 2);
  BOOST_TEST(world.failures("expired") == 2);
  BOOST_TEST(world.stack.gateway().metric("pulsegate_auth_forbidden_total{what=\"device\"}").value_or(-1) == 4);
  BOOST_TEST(
      world.stack.gateway().metric("pulsegate_connections_refused_total{reason=\"unauthorized\"}").value_or(-1) == 6);
}

BOOST_AUTO_TEST_CASE(channels_that_a_token_does_not_name_are_refused_one_by_one) {
  AuthWorld world;
  const std::string device = new_device();
  const std::string token = world.token(60, R"(,"channels":["metrics","processes"])");
  WsClient client = WsClient::open(world.port(), device_target(device), bearer(token));
  client.expect("connected");
  client.subscribe({"history", "metrics", "system-info"}, R"("id":7)");
  std::vector<std::string> seen;
  client.expect_until([&](const Json& message) {
    if (message.type() == "error") {
      BOOST_TEST(message.at("data").at("code").string() == "forbidden");
      BOOST_TEST(message.at("id").number() == 7);
    }
    seen.push_back(message.type());
    return message.type() == "subscribed";
  });
  BOOST_TEST(std::count(seen.begin(), seen.end(), "error") == 2);
  world.stack.publish(device, 42, now_ms());
  client.expect("metrics");
  for (const Json& message : client.expect_until_pong()) BOOST_TEST(message.type() != "history");
  client.send_text(R"({"type":"history-query","id":"q","from":)" + std::to_string(now_ms() - 1000) + "}");
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "forbidden");

  HttpOptions http;
  http.headers.emplace_back("Authorization", "Bearer " + token);
  const Json told = world.stack.gateway().get("/api/v1/devices/" + device + "/snapshot", http).json();
  BOOST_TEST(told.at("metrics").at("data").at("cpu_usage").number() == 42);
  BOOST_TEST(told.has("processes"));
  for (const char* channel : {"history", "system-info", "network-interfaces"}) BOOST_TEST(!told.has(channel), channel);
  BOOST_TEST(world.stack.gateway().get("/api/v1/devices/" + device + "/history?from=0", http).status == 403);
}

BOOST_AUTO_TEST_CASE(an_expired_token_ends_its_connection_and_a_renewed_one_does_not) {
  AuthWorld world;
  const std::string device = new_device();
  WsClient idle = WsClient::open(world.port(), device_target(device), bearer(world.token(3)));
  WsClient renewed = WsClient::open(world.port(), device_target(device), bearer(world.token(3)));
  renewed.subscribe({"metrics"});
  renewed.expect("subscribed");
  renewed.send_text(R"({"type":"auth","token":")" + world.token(60) + R"(","id":"r1"})");
  const Json answer = renewed.expect("authenticated");
  BOOST_TEST(answer.at("id").string() == "r1");
  BOOST_TEST(answer.at("data").at("expires").string() > iso_time(now_ms() + 50'000));
  BOOST_TEST(idle.expect("error").at("data").at("code").string() == "token-expired");
  BOOST_TEST(idle.expect_close().code == 4401);
  world.stack.publish(device, 17, now_ms());
  BOOST_TEST(renewed.expect("metrics").at("data").at("cpu_usage").number() == 17);
  BOOST_TEST(world.stack.gateway().metric("pulsegate_auth_closed_total{reason=\"expired\"}").value_or(-1) == 1);
  BOOST_TEST(world.stack.gateway().metric_sum("pulsegate_auth_refreshes_total") == 1);
}

BOOST_AUTO_TEST_CASE(a_renewal_that_is_no_good_changes_nothing) {
  AuthWorld world;
  WsClient client = WsClient::open(world.port(), device_target(new_device()), bearer(world.token(60)));
  client.expect("connected");
  const auto code_for = [&](const std::string& command) {
    client.send_unchecked(command);
    return client.expect("error").at("data").at("code").string();
  };
  const auto auth = [](const std::string& token) { return R"({"type":"auth","token":")" + token + "\"}"; };
  BOOST_TEST(code_for(R"({"type":"auth"})") == "unauthorized");
  BOOST_TEST(code_for(R"({"type":"auth","token":7})") == "unauthorized");
  BOOST_TEST(code_for(auth("rubbish")) == "unauthorized");
  BOOST_TEST(code_for(auth(world.token(-1))) == "token-expired");
  BOOST_TEST(code_for(auth(hmac_token(kAuthSecret, claims("mallory", in_seconds(60))))) == "forbidden");
  client.subscribe({"metrics"});
  client.expect("subscribed");
}

BOOST_AUTO_TEST_CASE(a_renewal_with_fewer_rights_takes_the_others_away) {
  AuthWorld world;
  const std::string device = new_device();
  WsClient client = WsClient::open(world.port(), device_target(device), bearer(world.token(60)));
  client.subscribe({"metrics", "processes"});
  client.expect_until(
      [](const Json& m) { return m.type() == "subscribed" && m.at("channel").string() == "processes"; });
  client.send_text(R"({"type":"auth","token":")" + world.token(60, R"(,"channels":["processes"])") + "\"}");
  client.expect("authenticated");
  BOOST_TEST(client.expect("unsubscribed").at("channel").string() == "metrics");
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "forbidden");
  world.stack.publish(device, 17, now_ms());
  BOOST_TEST(eventually([&] { return world.stack.gateway().metric_sum("pulsegate_events_total") == 1; }));
  for (const Json& message : client.expect_until_pong()) BOOST_TEST(message.type() != "metrics");
  client.send_text(R"({"type":"auth","token":")" + world.token(60, R"(,"devices":[")" + new_device() + "\"]") + "\"}");
  client.expect("error");
  BOOST_TEST(client.expect_close().code == 4403);
}

BOOST_AUTO_TEST_CASE(public_keys_required_claims_and_names_of_claims_count) {
  const SigningKey rsa(SigningKey::Type::rsa2048), ec(SigningKey::Type::p256);
  TempDir files;
  Stack stack({"--jwt-key", "r1=" + files.write("rsa.pem", rsa.public_pem()), "--jwt-key",
               files.write("ec.pem", ec.public_pem()), "--jwt-issuer", "https://login.example", "--jwt-audience",
               "pulsegate", "--jwt-require", "tenant=acme", "--jwt-devices-claim", "https://acme.example/devices",
               "--jwt-require-devices", "on", "--auth", "jwt"});
  const std::string device = new_device();
  const auto status = [&](const std::string& token) {
    return WsClient::attempt(stack.gateway().port(), device_target(device), bearer(token)).response().status;
  };
  const std::string good = R"({"sub":"bob","exp":)" + std::to_string(in_seconds(60)) +
                           R"(,"iss":"https://login.example","aud":["pulsegate"],"tenant":"acme",)";
  const std::string named = good + R"("https://acme.example/devices":[")" + device + "\"]}";
  BOOST_TEST(status(signed_token(rsa, "RS256", named, "r1")) == 101);
  BOOST_TEST(status(signed_token(rsa, "RS256", named)) == 101);
  BOOST_TEST(status(signed_token(ec, "ES256", named)) == 101);
  BOOST_TEST(status(signed_token(ec, "ES256", named, "r1")) == 401);
  BOOST_TEST(status(hmac_token(rsa.public_pem(), named)) == 401);
  BOOST_TEST(status(signed_token(rsa, "RS256", good + R"("devices":["*"]})")) == 401);
  BOOST_TEST(status(signed_token(rsa, "RS256", good + R"("https://acme.example/devices":[]})")) == 403);
  std::string other = named;
  other.replace(other.find("acme"), 4, "evil");
  BOOST_TEST(status(signed_token(rsa, "RS256", other)) == 401);
  BOOST_TEST(stack.gateway().metric("pulsegate_auth_failures_total{reason=\"algorithm\"}").value_or(-1) == 2);
}

BOOST_AUTO_TEST_CASE(a_flood_of_forged_signatures_is_cut_off_and_watchers_notice_nothing) {
  const SigningKey key(SigningKey::Type::p256), forger(SigningKey::Type::p256);
  TempDir files;
  Stack stack({"--jwt-key", files.write("ec.pem", key.public_pem()), "--jwt-check-rate", "3"});
  const std::string device = new_device();
  const std::string good = signed_token(key, "ES256", claims("alice", in_seconds(60)));
  WsClient client = WsClient::open(stack.gateway().port(), device_target(device), bearer(good));
  client.subscribe({"metrics"});
  client.expect("subscribed");
  int refused = 0, sent_away = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string forged = signed_token(forger, "ES256", claims("mallory", in_seconds(60 + i)));
    const WsClient attempt = WsClient::attempt(stack.gateway().port(), device_target(device), bearer(forged));
    refused += attempt.response().status == 401;
    sent_away += attempt.response().status == 503 && !attempt.response().header("retry-after").empty();
  }
  BOOST_TEST(refused + sent_away == 40);
  BOOST_TEST(sent_away > 0);
  // Who was here before comes back without a check.
  WsClient::open(stack.gateway().port(), device_target(device), bearer(good)).expect("connected");
  stack.publish(device, 5, now_ms());
  client.expect("metrics");
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_auth_tokens_known_total") == 1);
}

BOOST_AUTO_TEST_CASE(origin_and_host_are_checked_where_that_is_asked_for) {
  Stack stack({"--allowed-origin", "https://dash.example,https://*.acme.example", "--allowed-host", "127.0.0.1"});
  const std::string device = new_device();
  const auto with = [&](const char* name, const char* value) {
    WsOptions options;
    options.headers.emplace_back(name, value);
    return WsClient::attempt(stack.gateway().port(), device_target(device), options);
  };
  BOOST_TEST(WsClient::attempt(stack.gateway().port(), device_target(device), {}).is_open());
  with("Origin", "https://dash.example").expect("connected");
  with("Origin", "https://a.acme.example").expect("connected");
  for (const char* origin : {"https://evil.example", "http://dash.example", "null"}) {
    WsClient client = with("Origin", origin);
    BOOST_TEST(client.expect("error").at("data").at("code").string() == "forbidden");
    BOOST_TEST(client.expect_close().code == 4403);
  }
  BOOST_TEST(with("Host", "rebound.example").response().status == 403);
  HttpOptions page;
  page.headers.emplace_back("Origin", "https://evil.example");
  const HttpResponse response = stack.gateway().get("/api/v1/devices/" + device + "/snapshot", page);
  BOOST_TEST(response.status == 403);
  BOOST_TEST(response.json().at("error").at("code").string() == "forbidden");
  BOOST_TEST(stack.gateway().metric("pulsegate_auth_forbidden_total{what=\"origin\"}").value_or(-1) == 4);
  BOOST_TEST(stack.gateway().metric("pulsegate_auth_forbidden_total{what=\"host\"}").value_or(-1) == 1);
}

BOOST_AUTO_TEST_CASE(no_token_stands_in_a_log_a_metric_or_an_answer) {
  AuthWorld world({"--log-level", "trace", "--shards", "2"});
  const std::string device = new_device();
  const std::string good = world.token(60), renewal = world.token(120), expired = world.token(-5);
  const std::string forged = hmac_token("another secret of 32 bytes at le", claims("alice", in_seconds(60)));
  std::string answers;
  {
    WsClient client = WsClient::open(world.port(), device_target(device) + "?token=" + good);
    for (const std::string& token : {renewal, expired, forged})
      client.send_text(R"({"type":"auth","token":")" + token + "\"}");
    client.send_unchecked("{\"type\":\"auth\",\"token\":\"" + good);  // malformed JSON
    client.subscribe({"metrics"});
    for (const Json& message : client.expect_until([](const Json& m) { return m.type() == "subscribed"; }))
      answers += message.text();
    for (const std::string& token : {good, expired, forged}) {
      for (const char* rest : {"/ws", "/snapshot", "/history", "/nothing"})
        answers +=
            world.stack.gateway().get("/api/v1/devices/" + device + rest + "?from=" + token + "&token=" + token).body;
      answers += world.stack.gateway().get("/" + token + "?token=" + token).body;
      WsOptions offered;
      offered.subprotocols = {"pulsegate.v1", "bearer." + token};
      answers += WsClient::attempt(world.port(), device_target(device), offered).response().body;
    }
    answers += world.stack.gateway().admin("/api/v1/clients").body;
    answers += world.stack.gateway().admin("/api/v1/devices/" + device + "/clients").body;
    answers += world.stack.gateway().health("/metrics").body;
    client.close();
  }
  const auto line = world.stack.gateway().wait_for_log("audit.watched");
  BOOST_TEST_REQUIRE(line.has_value());
  BOOST_TEST(world.stack.gateway().stop() == 0);
  const std::string all = world.stack.gateway().logs() + answers;
  for (const std::string& token : {good, renewal, expired, forged}) {
    BOOST_TEST(all.find(token) == std::string::npos);
    // Nor any part of one: the signature lets nobody in by itself, but the claims are nobody's business.
    const std::string payload = token.substr(token.find('.') + 1, token.rfind('.') - token.find('.') - 1);
    BOOST_TEST(all.find(payload.substr(0, 24)) == std::string::npos);
    BOOST_TEST(all.find(token.substr(token.rfind('.') + 1, 16)) == std::string::npos);
  }
  BOOST_TEST(all.find(kAuthSecret) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_audit_log_says_who_watched_what_from_when_to_when) {
  AuthWorld world;
  const std::string device = new_device();
  const long long before = now_ms();
  WsClient client = WsClient::open(world.port(), device_target(device), bearer(world.token(60, R"(,"jti":"t-77")")));
  const std::string connection = client.expect("connected").at("data").at("connectionId").string();
  client.close();
  const auto line = world.stack.gateway().wait_for_log("audit.watched");
  BOOST_TEST_REQUIRE(line.has_value());
  const Json audit = Json::parse(*line);
  BOOST_TEST(audit.at("subject").string() == "alice");
  BOOST_TEST(audit.at("token_id").string() == "t-77");
  BOOST_TEST(audit.at("device").string() == device);
  BOOST_TEST(audit.at("connection").string() == connection);
  BOOST_TEST(audit.at("from").string() >= iso_time(before));
  BOOST_TEST(audit.at("to").string() >= audit.at("from").string());
  HttpOptions http;
  http.headers.emplace_back("Authorization", "Bearer " + world.token());
  world.stack.gateway().get("/api/v1/devices/" + device + "/snapshot", http);
  BOOST_TEST(world.stack.gateway().wait_for_log("audit.read").has_value());
}

BOOST_AUTO_TEST_CASE(without_tokens_an_auth_command_is_answered_all_the_same) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.send_text(R"({"type":"auth","token":"whatever","id":1})");
  BOOST_TEST(client.expect("authenticated").at("data").at("expires").is_null());
}

BOOST_AUTO_TEST_CASE(an_open_gateway_says_so_unless_that_is_meant) {
  TempDir files;
  const std::string key = files.write("key", kAuthSecret);
  const auto log_of = [&](std::vector<std::string> args) {
    args.insert(args.end(), {"--redis", shared_redis().url(), "--database", "none"});
    GatewayProcess gateway(std::move(args));
    gateway.stop();
    return gateway.logs();
  };
  BOOST_TEST(log_of({}).find("auth.open") != std::string::npos);
  BOOST_TEST(log_of({"--auth", "none"}).find("\"auth.") == std::string::npos);
  BOOST_TEST(log_of({"--jwt-key", key}).find("auth.open") == std::string::npos);
  BOOST_TEST(log_of({"--jwt-key", key, "--auth", "none"}).find("auth.off") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_work_is_told_before_the_start) {
  TempDir files;
  const std::string key = files.write("key", kAuthSecret), brief = files.write("short", "short");
  const auto complaint = [](std::vector<std::string> args) {
    args.insert(args.begin(), "check-config");
    const RunResult result = run_pulsegate(args);
    BOOST_TEST(result.exit_code == 2);
    return result.errors;
  };
  BOOST_TEST(complaint({"--auth", "jwt"}).find("--jwt-key") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-require", "tenant=acme"}).find("--jwt-key") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-key", files.file("missing")}).find("cannot read") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-key", brief}).find("32 bytes") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-key", "k1=" + brief}).find("32 bytes") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-key", key, "--jwt-require", "tenant"}).find("CLAIM=VALUE") != std::string::npos);
  BOOST_TEST(complaint({"--jwt-key", key, "--revocation-file", files.file("missing")}).find("cannot read") !=
             std::string::npos);
  BOOST_TEST(
      complaint({"--jwt-key", key, "--revocation-file", files.write("list", std::string(400, 'x'))}).find("no list") !=
      std::string::npos);
  BOOST_TEST(complaint({"--allowed-origin", "dash.example"}).find("origin") != std::string::npos);
  BOOST_TEST(run_pulsegate({"check-config", "--jwt-key", key, "--jwt-require", "tenant=acme"}).exit_code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
