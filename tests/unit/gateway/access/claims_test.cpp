// Claims of every type where one is expected, and the rights that the good ones give.
#include "gateway/access/claims.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace pulsegate;
using namespace pulsegate::access;

namespace {

constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
constexpr const char* kOther = "1f8fad5b-d9cb-469f-a165-70867728950e";
const proto::Timestamp kNow(std::chrono::seconds(1'700'000'000));

TokenRules strict() {
  TokenRules rules;
  rules.leeway = std::chrono::milliseconds(0);
  return rules;
}

// The claims with an `exp` that holds, or the fault's name.
std::variant<Grant, TokenFault> judge(const std::string& more, const TokenRules& rules = strict()) {
  return judge_claims(R"({"exp":1700000100)" + (more.empty() ? "" : "," + more) + "}", rules, kNow);
}

std::string fault(const std::variant<Grant, TokenFault>& result) {
  const auto* const found = std::get_if<TokenFault>(&result);
  return found == nullptr ? "good" : kTokenFaultNames[static_cast<std::size_t>(*found)];
}

proto::DeviceId id(const char* text) {
  return *proto::DeviceId::parse(text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Claims)

BOOST_AUTO_TEST_CASE(exp_is_a_number_that_is_still_to_come) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({"exp":1700000001})", "good"},
      {R"({"exp":1700000000.5})", "good"},
      {R"({"exp":1.7000001e9})", "good"},
      {R"({"exp":1700000000})", "expired"},
      {R"({"exp":1699999999.999})", "expired"},
      {R"({"exp":0})", "expired"},
      {R"({"exp":-1})", "claims"},
      {R"({"exp":"1700000100"})", "claims"},
      {R"({"exp":null})", "claims"},
      {R"({"exp":true})", "claims"},
      {R"({"exp":[1700000100]})", "claims"},
      {R"({"exp":{"at":1700000100}})", "claims"},
      {R"({"exp":253402300799})", "good"},
      {R"({"exp":253402300800})", "claims"},
      {R"({"exp":1e300})", "claims"},
      {R"({"exp":1e400})", "malformed"},
      {R"({"exp":99999999999999999999999999999})", "claims"},
      {R"({"exp":1700000100,"exp":1})", "expired"},
      {R"({"EXP":1700000100})", "claims"},
      {R"({})", "claims"},
      {R"([])", "malformed"},
      {R"()", "malformed"},
  };
  for (const auto& [claims, expected] : table)
    BOOST_TEST(fault(judge_claims(claims, strict(), kNow)) == expected, claims);
}

BOOST_AUTO_TEST_CASE(leeway_is_for_both_ends_and_says_when_it_is_over) {
  TokenRules rules;
  rules.leeway = std::chrono::seconds(30);
  const auto at = [&](int seconds) {
    return fault(judge_claims(R"({"exp":1700000000,"nbf":1699999000})", rules,
                              proto::Timestamp(std::chrono::seconds(1'700'000'000 + seconds))));
  };
  BOOST_TEST(at(29) == "good");
  BOOST_TEST(at(30) == "expired");
  BOOST_TEST(at(-1030) == "good");
  BOOST_TEST(at(-1031) == "not-yet-valid");
  const Grant grant = std::get<Grant>(judge("", rules));
  BOOST_TEST((grant.ends == proto::Timestamp(std::chrono::seconds(1'700'000'130))));
}

BOOST_AUTO_TEST_CASE(nbf_may_be_missing_but_not_wrong) {
  BOOST_TEST(fault(judge("")) == "good");
  BOOST_TEST(fault(judge(R"("nbf":1700000000)")) == "good");
  BOOST_TEST(fault(judge(R"("nbf":1700000001)")) == "not-yet-valid");
  BOOST_TEST(fault(judge(R"("nbf":"1600000000")")) == "claims");
  BOOST_TEST(fault(judge(R"("nbf":null)")) == "claims");
}

BOOST_AUTO_TEST_CASE(issuer_and_audience_count_where_they_are_asked_for) {
  TokenRules rules = strict();
  BOOST_TEST(fault(judge(R"("iss":"anybody","aud":["x"])", rules)) == "good");
  rules.issuers = {"https://a.example", "https://b.example"};
  BOOST_TEST(fault(judge(R"("iss":"https://b.example")", rules)) == "good");
  for (const char* claim :
       {R"("iss":"https://c.example")", R"("iss":"https://b.example/")", R"("iss":7)", R"("sub":"x")"})
    BOOST_TEST(fault(judge(claim, rules)) == "issuer", claim);
  rules.issuers.clear();
  rules.audiences = {"pulsegate"};
  for (const char* claim : {R"("aud":"pulsegate")", R"("aud":["other","pulsegate"])"})
    BOOST_TEST(fault(judge(claim, rules)) == "good", claim);
  for (const char* claim : {R"("aud":"Pulsegate")", R"("aud":[])", R"("aud":["other"])", R"("aud":["pulsegate",7])",
                            R"("aud":{"pulsegate":1})", R"("aud":[["pulsegate"]])", R"("aud":null)", R"("sub":"x")"})
    BOOST_TEST(fault(judge(claim, rules)) == "audience", claim);
}

BOOST_AUTO_TEST_CASE(required_claims_have_their_value_or_hold_it) {
  TokenRules rules = strict();
  rules.required = {{"tenant", "acme"}, {"level", "3"}};
  BOOST_TEST(fault(judge(R"("tenant":"acme","level":3)", rules)) == "good");
  BOOST_TEST(fault(judge(R"("tenant":["other","acme"],"level":"3")", rules)) == "good");
  for (const char* claims : {R"("tenant":"acme")", R"("tenant":"acme2","level":3)", R"("tenant":null,"level":3)",
                             R"("tenant":{"acme":true},"level":3)", R"("tenant":"acme","level":3.0)", R"("level":3)"})
    BOOST_TEST(fault(judge(claims, rules)) == "claims", claims);
}

BOOST_AUTO_TEST_CASE(devices_are_those_named_or_all) {
  const auto sees = [](const std::string& claims, const char* device) {
    const auto result = judge(claims);
    return std::holds_alternative<Grant>(result) && std::get<Grant>(result).permissions.allows(id(device));
  };
  const std::string one = std::string(R"("devices":[")") + kUuid + "\"]";
  BOOST_TEST(sees(one, kUuid));
  BOOST_TEST(!sees(one, kOther));
  BOOST_TEST(sees(R"("devices":["0F8FAD5B-D9CB-469F-A165-70867728950E"])", kUuid));
  BOOST_TEST(sees(R"("devices":")" + std::string(kUuid) + "\"", kUuid));
  BOOST_TEST(sees("", kUuid));
  BOOST_TEST(sees(R"("devices":["*"])", kUuid));
  BOOST_TEST(sees(R"("devices":"*")", kUuid));
  BOOST_TEST(sees(R"("devices":["not a uuid","*"])", kUuid));
  BOOST_TEST(!sees(R"("devices":[])", kUuid));
  BOOST_TEST(!sees(R"("devices":["0f8fad5b*"])", kUuid));
  // What cannot be understood refuses the token: it must not become "all".
  for (const char* claims : {R"("devices":null)", R"("devices":7)", R"("devices":true)", R"("devices":{})",
                             R"("devices":[7])", R"("devices":[["*"]])", R"("devices":["*",null])"})
    BOOST_TEST(fault(judge(claims)) == "claims", claims);
  TokenRules rules = strict();
  rules.require_devices = true;
  BOOST_TEST(fault(judge("", rules)) == "claims");
  BOOST_TEST(fault(judge(one, rules)) == "good");
}

BOOST_AUTO_TEST_CASE(channels_and_debug_are_given_by_name) {
  const Permissions all = std::get<Grant>(judge("")).permissions;
  BOOST_TEST(all.allows_channel("metrics"));
  BOOST_TEST(!all.debug);
  const Permissions some =
      std::get<Grant>(judge(R"("channels":["metrics","logs"],"scope":"read debug write")")).permissions;
  BOOST_TEST(some.allows_channel("logs"));
  BOOST_TEST(!some.allows_channel("history"));
  BOOST_TEST(some.debug);
  BOOST_TEST(!std::get<Grant>(judge(R"("channels":[])")).permissions.allows_channel("metrics"));
  BOOST_TEST(std::get<Grant>(judge(R"("channels":["*"])")).permissions.allows_channel("metrics"));
  BOOST_TEST(std::get<Grant>(judge(R"("scope":["debug"])")).permissions.debug);
  for (const char* scope : {R"("scope":"debugger")", R"("scope":"nodebug")", R"("scope":"DEBUG")", R"("scope":"")"})
    BOOST_TEST(!std::get<Grant>(judge(scope)).permissions.debug, scope);
  for (const char* claims : {R"("channels":null)", R"("channels":{"metrics":1})", R"("scope":7)", R"("scope":null)"})
    BOOST_TEST(fault(judge(claims)) == "claims", claims);
}

BOOST_AUTO_TEST_CASE(names_may_be_any_text_of_bounded_length) {
  const Grant grant = std::get<Grant>(judge(R"("sub":"Zo\u00eb \ud83d\ude00","jti":42)"));
  BOOST_TEST(grant.identity.subject == "Zo\xc3\xab \xf0\x9f\x98\x80");
  BOOST_TEST(grant.identity.token_id == "42");
  BOOST_TEST(fault(judge(R"("sub":")" + std::string(256, 'x') + "\"")) == "good");
  BOOST_TEST(fault(judge(R"("sub":")" + std::string(257, 'x') + "\"")) == "claims");
  for (const char* claims : {R"("sub":null)", R"("sub":["alice"])", R"("jti":{})", R"("jti":true)"})
    BOOST_TEST(fault(judge(claims)) == "claims", claims);
}

BOOST_AUTO_TEST_CASE(claims_may_go_by_other_names) {
  TokenRules rules = strict();
  rules.subject_claim = "https://acme.example/user";
  rules.devices_claim = "d";
  rules.channels_claim = "c";
  rules.scope_claim = "s";
  const Grant grant = std::get<Grant>(
      judge(R"("sub":7,"https://acme.example/user":"bob","devices":["*"],"d":[],"c":["metrics"],"s":"debug")", rules));
  BOOST_TEST(grant.identity.subject == "bob");
  BOOST_TEST(!grant.permissions.allows(id(kUuid)));
  BOOST_TEST(!grant.permissions.allows_channel("history"));
  BOOST_TEST(grant.permissions.debug);
}

BOOST_AUTO_TEST_SUITE_END()
