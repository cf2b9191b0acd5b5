// The whole decision about a request: host, origin, token, device, in which form a refusal is told, and what is
// counted.
#include "gateway/access/gate.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/jwt.hpp"

using namespace pulsegate;
using namespace pulsegate::access;
using namespace pulsegate::test;
using proto::CloseCode;
using proto::ErrorCode;

namespace {

constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
const std::string kTarget = std::string("/api/v1/devices/") + kUuid + "/ws";
constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
const Now kNow{SteadyTime{} + std::chrono::hours(1), proto::Timestamp(std::chrono::seconds(1'700'000'000))};

Request websocket(std::string_view target = kTarget) {
  Request request;
  request.method = "GET";
  request.target = target;
  request.websocket_version = "13";
  request.upgrade = true;
  request.host = "gate.example";
  return request;
}

PolicyPtr policy(const std::string& key = kSecret, const char* revoked = "") {
  std::string error;
  auto result = std::make_shared<Policy>();
  result->verifier =
      std::make_shared<const TokenVerifier>(std::vector<TokenKey>{*parse_token_key(key, error)}, TokenRules{},
                                            std::make_shared<const Revocations>(*Revocations::parse(revoked)));
  return result;
}

std::string token(const std::string& more = {}) {
  return hmac_token(kSecret, R"({"sub":"alice","exp":1700000100)" + more + "}");
}

template <typename Array, typename Index>
std::uint64_t at(const Array& counters, Index index) {
  return counters[static_cast<std::size_t>(index)];
}

void check_refusal(const Admission& admission, int status, CloseCode close, ErrorCode error) {
  BOOST_TEST(!admission.accepted);
  BOOST_TEST(admission.http_status == status);
  BOOST_TEST((admission.close == close));
  BOOST_TEST((admission.error == error));
  BOOST_TEST(admission.message.back() == '.');
}

}  // namespace

BOOST_AUTO_TEST_SUITE(GateTest)

BOOST_AUTO_TEST_CASE(without_a_policy_everybody_comes_in) {
  Gate gate;
  Request request = websocket();
  request.authorization = "Bearer rubbish";
  request.origin = "https://anywhere.example";
  const Admission admission = gate.admit(request, kNow, true);
  BOOST_TEST(admission.accepted);
  BOOST_TEST((admission.grant == nullptr));
  BOOST_TEST(allows_channel(admission.grant, "metrics"));
}

BOOST_AUTO_TEST_CASE(a_token_is_found_in_each_of_its_places) {
  const std::string good = token();
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"Bearer " + good, ""},
      {"bearer   " + good + " ", ""},
      {"BEARER " + good, ""},
      {"", "bearer." + good},
      {"", "pulsegate.v1, bearer." + good},
      {"", "other,bearer." + good + ",pulsegate.v1"},
      {"Basic dXNlcjpwYXNz", "pulsegate.v1,bearer." + good}};
  Gate gate(policy());
  for (const auto& [authorization, subprotocols] : headers) {
    Request request = websocket();
    request.authorization = authorization;
    request.subprotocols = subprotocols;
    const Admission admission = gate.admit(request, kNow, true);
    BOOST_TEST(admission.accepted, authorization + subprotocols);
    BOOST_TEST(admission.grant->identity.subject == "alice");
  }
  for (const std::string& target :
       {kTarget + "?token=" + good, std::string("/ws?token=") + good + "&deviceUuid=" + kUuid,
        kTarget + "?a=b&%74oken=" + good})
    BOOST_TEST(gate.admit(websocket(target), kNow, true).accepted, target);
  // The header wins, so that a token in a bookmark does not undo it.
  const std::string bookmark = kTarget + "?token=" + good;
  Request both = websocket(bookmark);
  both.authorization = "Bearer x";
  BOOST_TEST(!gate.admit(both, kNow, true).accepted);
}

BOOST_AUTO_TEST_CASE(what_looks_like_a_token_elsewhere_is_none) {
  Gate gate(policy());
  const std::string good = token();
  const std::string target = kTarget + "?Token=" + good + "#token=" + good;
  for (const std::string& authorization :
       {"Basic " + good, std::string("Bearer"), good, std::string("Bearer "), "Bearer" + good})
    for (const std::string& subprotocols :
         {std::string(), "bearer" + good, "Bearer." + good, std::string("bearer."), good}) {
      Request request = websocket(target);
      request.authorization = authorization;
      request.subprotocols = subprotocols;
      check_refusal(gate.admit(request, kNow, true), 401, CloseCode::unauthorized, ErrorCode::unauthorized);
    }
  BOOST_TEST(at(gate.counters().failures, TokenFault::missing) == 25u);
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_scheme_and_never_the_token) {
  Gate gate(policy());
  Request request = websocket();
  BOOST_TEST(gate.admit(request, kNow, true).challenge == "Bearer realm=\"pulsegate\"");
  const std::string forged = hmac_token("another secret of 32 bytes at le", R"({"sub":"alice","exp":1700000100})");
  const std::string header = "Bearer " + forged;
  request.authorization = header;
  const Admission admission = gate.admit(request, kNow, true);
  check_refusal(admission, 401, CloseCode::unauthorized, ErrorCode::unauthorized);
  BOOST_TEST(admission.challenge.find("error=\"invalid_token\"") != std::string::npos);
  for (const std::string& part : {forged, forged.substr(0, 20), forged.substr(forged.rfind('.') + 1)})
    BOOST_TEST((admission.challenge + admission.message).find(part) == std::string::npos);
  BOOST_TEST(at(gate.counters().failures, TokenFault::signature) == 1u);
}

BOOST_AUTO_TEST_CASE(browsers_are_told_by_close_codes_and_others_by_statuses) {
  Gate gate(policy());
  Request request = websocket();
  BOOST_TEST(!gate.admit(request, kNow, true).refuse_by_close);
  request.origin = "https://dash.example";
  BOOST_TEST(gate.admit(request, kNow, true).refuse_by_close);
  const std::string header = "Bearer " + token(R"(,"devices":[])");
  request.authorization = header;
  const Admission other_device = gate.admit(request, kNow, true);
  check_refusal(other_device, 403, CloseCode::forbidden, ErrorCode::forbidden);
  BOOST_TEST(other_device.refuse_by_close);
  BOOST_TEST(other_device.challenge.empty());
  Request plain;
  plain.method = "GET";
  const std::string target = std::string("/api/v1/devices/") + kUuid + "/snapshot";
  plain.target = target;
  plain.origin = "https://dash.example";
  const Admission snapshot = gate.admit(plain, kNow, true);
  check_refusal(snapshot, 401, CloseCode::unauthorized, ErrorCode::unauthorized);
  BOOST_TEST(!snapshot.refuse_by_close);
  plain.authorization = header;
  check_refusal(gate.admit(plain, kNow, true), 403, CloseCode::forbidden, ErrorCode::forbidden);
  BOOST_TEST(at(gate.counters().forbidden, Forbidden::device) == 2u);
}

BOOST_AUTO_TEST_CASE(host_and_origin_go_before_the_token) {
  auto strict = std::make_shared<Policy>(*policy());
  strict->hosts = HostList({"gate.example"});
  strict->origins = OriginList({"https://dash.example"});
  Gate gate(strict);
  const std::string header = "Bearer " + token();
  Request request = websocket();
  request.authorization = header;
  BOOST_TEST(gate.admit(request, kNow, true).accepted);
  request.origin = "https://evil.example";
  check_refusal(gate.admit(request, kNow, true), 403, CloseCode::forbidden, ErrorCode::forbidden);
  request.origin = "https://dash.example";
  BOOST_TEST(gate.admit(request, kNow, true).accepted);
  request.host = "rebound.example";
  check_refusal(gate.admit(request, kNow, true), 403, CloseCode::forbidden, ErrorCode::forbidden);
  BOOST_TEST(at(gate.counters().forbidden, Forbidden::origin) == 1u);
  BOOST_TEST(at(gate.counters().forbidden, Forbidden::host) == 1u);
  BOOST_TEST(gate.counters().checks == 2u);
}

BOOST_AUTO_TEST_CASE(the_page_asks_for_the_host_alone) {
  auto strict = std::make_shared<Policy>(*policy());
  strict->hosts = HostList({"gate.example"});
  strict->origins = OriginList({"https://dash.example"});
  Gate gate(strict);
  Request request;
  request.method = "GET";
  request.target = "/";
  request.has_page = true;
  request.host = "gate.example";
  request.origin = "https://evil.example";
  const Admission admission = gate.admit(request, kNow, true);
  BOOST_TEST(admission.accepted);
  BOOST_TEST((admission.grant == nullptr));
  request.host = "rebound.example";
  check_refusal(gate.admit(request, kNow, true), 403, CloseCode::forbidden, ErrorCode::forbidden);
  BOOST_TEST(gate.counters().checks == 0u);
}

BOOST_AUTO_TEST_CASE(while_nobody_comes_in_no_token_is_looked_at) {
  Gate gate(policy());
  const std::string header = "Bearer " + token();
  Request request = websocket();
  request.authorization = header;
  check_refusal(gate.admit(request, kNow, false), 503, CloseCode::try_again_later, ErrorCode::unavailable);
  BOOST_TEST(gate.counters().checks == 0u);
}

BOOST_AUTO_TEST_CASE(a_token_that_was_good_costs_no_second_check_until_the_policy_changes) {
  const SigningKey key(SigningKey::Type::p256);
  const std::string good = signed_token(key, "ES256", R"({"sub":"alice","exp":1700000100})");
  Gate gate(policy(key.public_pem()), 1);
  BOOST_TEST(std::holds_alternative<GrantPtr>(gate.check(good, kNow)));
  for (int i = 0; i < 10; ++i) BOOST_TEST(std::holds_alternative<GrantPtr>(gate.check(good, kNow)));
  BOOST_TEST(gate.counters().cached == 10u);
  // Another token of the same claims is another token.
  const std::string again = signed_token(key, "ES256", R"({"sub":"alice","exp":1700000100})");
  BOOST_TEST((std::get<TokenFault>(gate.check(again, kNow)) == TokenFault::overloaded));
  Now later = kNow;
  later.wall += std::chrono::seconds(131);
  BOOST_TEST((std::get<TokenFault>(gate.check(good, later)) == TokenFault::expired));
  const std::uint64_t before = gate.generation();
  gate.set_policy(policy(key.public_pem(), "alice"));
  BOOST_TEST(gate.generation() != before);
  BOOST_TEST((std::get<TokenFault>(gate.check(good, kNow)) == TokenFault::revoked));
}

BOOST_AUTO_TEST_CASE(beyond_the_rate_newcomers_are_told_to_come_back) {
  const SigningKey key(SigningKey::Type::p256);
  Gate gate(policy(key.public_pem()), 1);
  Request request = websocket();
  const std::string first = "Bearer " + signed_token(key, "ES256", R"({"exp":1700000100})");
  const std::string second = "Bearer " + signed_token(key, "ES256", R"({"exp":1700000101})");
  request.authorization = first;
  BOOST_TEST(gate.admit(request, kNow, true).accepted);
  request.authorization = second;
  check_refusal(gate.admit(request, kNow, true), 503, CloseCode::try_again_later, ErrorCode::unavailable);
  Now later = kNow;
  later.steady += std::chrono::seconds(1);
  BOOST_TEST(gate.admit(request, later, true).accepted);
}

BOOST_AUTO_TEST_CASE(the_memory_of_good_tokens_is_bounded) {
  GrantCache cache(10);
  const auto grant = std::make_shared<const Grant>();
  for (int i = 0; i < 1'000; ++i) cache.put(std::to_string(i), grant);
  BOOST_TEST(cache.size() <= 20u);
  BOOST_TEST((cache.find("999") == grant));
  BOOST_TEST((cache.find("0") == nullptr));
  cache.clear();
  BOOST_TEST((cache.find("999") == nullptr));
}

BOOST_AUTO_TEST_CASE(the_fleet_endpoint_takes_any_good_token_and_leaves_devices_to_its_session) {
  Gate gate(policy());
  Request request = websocket("/api/v1/ws");
  BOOST_TEST(gate.admit(request, kNow, true).http_status == 401);
  const std::string bearer = "Bearer " + token(R"(,"devices":["0f8fad5b-d9cb-469f-a165-70867728950f"])");
  request.authorization = bearer;
  const Admission admission = gate.admit(request, kNow, true);
  BOOST_TEST(admission.accepted);
  BOOST_TEST(admission.grant != nullptr);
  BOOST_TEST(at(gate.counters().forbidden, Forbidden::device) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
