// Every path of both ports, with a fake gateway behind them.
#include "gateway/ops/routes.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/gateway/ops/fake_control.hpp"

using namespace pulsegate;
using namespace pulsegate::ops;

namespace {

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";
const std::string kClients = "/api/v1/devices/" + kDevice + "/clients";
const std::string kBroadcast = "/api/v1/devices/" + kDevice + "/broadcast";

struct Fixture {
  FakeControl control;
  HttpHandler health = health_routes(control);
  HttpHandler admin = admin_routes(control);

  // The answer, which must come before the handler returns and only once.
  static HttpResponse ask(const HttpHandler& handler, const std::string& method, const std::string& path,
                          const std::string& body = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = std::move(headers);
    std::vector<HttpResponse> answers;
    handler(request, [&](HttpResponse response) { answers.push_back(std::move(response)); });
    BOOST_REQUIRE(answers.size() == 1u);
    return answers[0];
  }
  HttpResponse get(const std::string& path) const { return ask(admin, "GET", path); }
  HttpResponse post(const std::string& path, const std::string& body = {}) const {
    return ask(admin, "POST", path, body);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(Routes, Fixture)

BOOST_AUTO_TEST_CASE(healthz_is_always_ok) {
  control.ready = {false, "no"};
  for (const HttpHandler& handler : {health, admin}) {
    const HttpResponse answer = ask(handler, "GET", "/healthz");
    BOOST_TEST(answer.status == 200);
    BOOST_TEST(answer.body == "{\"status\":\"ok\"}\n");
  }
}

BOOST_AUTO_TEST_CASE(readyz_says_why_not) {
  BOOST_TEST(ask(health, "GET", "/readyz").status == 200);
  BOOST_TEST(ask(health, "GET", "/readyz").body == "{\"status\":\"ready\"}\n");
  control.ready = {false, "Redis \"away\"."};
  BOOST_TEST(ask(health, "GET", "/readyz").status == 503);
  BOOST_TEST(ask(health, "GET", "/readyz").body == "{\"status\":\"not-ready\",\"reason\":\"Redis \\\"away\\\".\"}\n");
}

BOOST_AUTO_TEST_CASE(metrics_are_in_the_text_format) {
  const HttpResponse answer = ask(health, "GET", "/metrics");
  BOOST_TEST(answer.status == 200);
  BOOST_TEST(answer.content_type == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(answer.body.find("# TYPE pulsegate_ready gauge") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_health_port_knows_nothing_else) {
  for (const std::string& path : {std::string("/drain"), std::string("/api/v1/clients"), kClients, kBroadcast}) {
    BOOST_TEST(ask(health, "GET", path).status == 404, path);
    BOOST_TEST(ask(health, "POST", path, R"({"type":"x"})").status == 404, path);
  }
  BOOST_TEST(control.drains == 0);
  BOOST_TEST(control.broadcasts.empty());
}

BOOST_AUTO_TEST_CASE(clients_are_counted) {
  BOOST_TEST(get("/api/v1/clients").body == "{\"clients\":12}\n");
  BOOST_TEST(get(kClients).body == "{\"deviceUuid\":\"" + kDevice + "\",\"clients\":3}\n");
  BOOST_REQUIRE(control.counted.size() == 2u);
  BOOST_TEST(!control.counted[0].has_value());
  BOOST_TEST(control.counted[1]->text() == kDevice);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later) {
  control.hold = true;
  HttpRequest request;
  request.method = "GET";
  request.path = "/api/v1/clients";
  std::optional<HttpResponse> answer;
  admin(request, [&](HttpResponse response) { answer = std::move(response); });
  BOOST_TEST(!answer.has_value());
  control.held(7);
  BOOST_TEST(answer.value().body == "{\"clients\":7}\n");
}

BOOST_AUTO_TEST_CASE(a_device_is_a_uuid) {
  BOOST_TEST(get("/api/v1/devices/nonsense/clients").status == 400);
  BOOST_TEST(get("/api/v1/devices//clients").status == 400);
  BOOST_TEST(get("/api/v1/devices/3F1E6B7A-0000-4000-8000-000000000001/clients").body.find(kDevice) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_broadcast_is_handed_on_as_it_is) {
  const std::string body = R"( {"type": "alert", "data": [1.50]} )";
  const HttpResponse answer = post(kBroadcast, body);
  BOOST_TEST(answer.status == 200);
  BOOST_TEST(answer.body == "{\"delivered\":2}\n");
  BOOST_REQUIRE(control.broadcasts.size() == 1u);
  BOOST_TEST(control.broadcasts[0].first.text() == kDevice);
  BOOST_TEST(control.broadcasts[0].second == body);
}

BOOST_AUTO_TEST_CASE(a_broadcast_must_be_an_object_with_a_string_type) {
  for (const std::string& body : {std::string(), std::string("{}"), std::string("[]"), std::string("5"),
                                  std::string("null"), std::string(R"({"type":5})"), std::string(R"({"type":"x")"),
                                  std::string(R"({"type":"x"} y)"), std::string("{\"type\":\"\xFF\"}"),
                                  "{\"type\":\"x\",\"d\":" + std::string(100, '[') + std::string(100, ']') + "}",
                                  "{\"type\":\"x\",\"d\":\"" + std::string(300'000, 'x') + "\"}"}) {
    const HttpResponse answer = post(kBroadcast, body);
    BOOST_TEST(answer.status == 400, body.substr(0, 40));
    BOOST_TEST(answer.body.find("{\"error\":{\"code\":\"bad-request\"") == 0u);
  }
  BOOST_TEST(control.broadcasts.empty());
}

BOOST_AUTO_TEST_CASE(a_drain_is_accepted) {
  BOOST_TEST(post("/drain").status == 202);
  BOOST_TEST(control.drains == 1);
}

BOOST_AUTO_TEST_CASE(a_web_page_cannot_post) {
  const std::vector<std::pair<std::string, std::string>> origin = {{"origin", "https://evil.example"}};
  BOOST_TEST(ask(admin, "POST", "/drain", {}, origin).status == 403);
  BOOST_TEST(ask(admin, "POST", kBroadcast, R"({"type":"x"})", origin).status == 403);
  BOOST_TEST(ask(admin, "GET", "/healthz", {}, origin).status == 200);
  BOOST_TEST(control.drains == 0);
  BOOST_TEST(control.broadcasts.empty());
}

BOOST_AUTO_TEST_CASE(other_methods_are_refused_with_those_allowed) {
  for (const std::string& path : {std::string("/healthz"), std::string("/readyz"), std::string("/metrics"),
                                  std::string("/api/v1/clients"), kClients}) {
    BOOST_TEST(post(path).status == 405, path);
    BOOST_TEST(post(path).allow == "GET, HEAD");
    BOOST_TEST(ask(admin, "HEAD", path).status == 200, path);
  }
  for (const std::string& path : {std::string("/drain"), kBroadcast}) {
    BOOST_TEST(get(path).status == 405, path);
    BOOST_TEST(get(path).allow == "POST");
    BOOST_TEST(ask(admin, "HEAD", path).status == 405, path);
  }
  BOOST_TEST(control.drains == 0);
}

BOOST_AUTO_TEST_CASE(other_paths_are_not_found) {
  for (const char* path : {"/", "", "/healthz/", "/Healthz", "/api/v1/clients/", "/api/v1/devices/", "/api/v1/devices",
                           "/drain/now", "/api/v1/devices/3f1e6b7a-0000-4000-8000-000000000001",
                           "/api/v1/devices/3f1e6b7a-0000-4000-8000-000000000001/clients/x"})
    BOOST_TEST(get(path).status == 404, path);
}

BOOST_AUTO_TEST_SUITE_END()
