// What is forged, broken or meant for somebody else, and what each is told. Tokens are made without the library that
// checks them.
#include "gateway/access/token.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/jwt.hpp"

using namespace pulsegate;
using namespace pulsegate::access;
using namespace pulsegate::test;

namespace {

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
constexpr const char* kGood = R"({"sub":"alice","jti":"t-1","exp":1800000000})";
const Now kNow{SteadyTime{} + std::chrono::hours(1), proto::Timestamp(std::chrono::seconds(1'700'000'000))};

const SigningKey& rsa() {
  static const SigningKey key(SigningKey::Type::rsa2048);
  return key;
}
const SigningKey& ec() {
  static const SigningKey key(SigningKey::Type::p256);
  return key;
}

TokenKey key_of(std::string_view content, const std::string& id = {}) {
  std::string error;
  auto key = parse_token_key(content, error);
  BOOST_REQUIRE_MESSAGE(key.has_value(), error);
  key->id = id;
  return *key;
}

std::variant<Grant, TokenFault> verify(const std::string& token, std::vector<TokenKey> keys) {
  RateBucket free(0, 0);
  return TokenVerifier(std::move(keys), {}).verify(token, kNow, free);
}

void check_fault(const std::string& token, const std::vector<TokenKey>& keys, TokenFault fault) {
  const auto result = verify(token, keys);
  BOOST_REQUIRE_MESSAGE(std::holds_alternative<TokenFault>(result), "accepted: " << token);
  BOOST_TEST(kTokenFaultNames[static_cast<std::size_t>(std::get<TokenFault>(result))] ==
             kTokenFaultNames[static_cast<std::size_t>(fault)]);
}

void check_good(const std::string& token, const std::vector<TokenKey>& keys) {
  const auto result = verify(token, keys);
  BOOST_REQUIRE(std::holds_alternative<Grant>(result));
  BOOST_TEST(std::get<Grant>(result).identity.subject == "alice");
}

std::string with_header(const std::string& header, const std::string& claims = kGood) {
  const std::string text = unsigned_token(header, claims);
  return text + "." + base64url(hmac_digest(kSecret, text));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Token)

BOOST_AUTO_TEST_CASE(every_algorithm_is_taken_with_its_kind_of_key) {
  for (const int bits : {256, 384, 512}) check_good(hmac_token(kSecret, kGood, {}, bits), {key_of(kSecret)});
  check_good(signed_token(rsa(), "RS256", kGood), {key_of(rsa().public_pem())});
  check_good(signed_token(ec(), "ES256", kGood), {key_of(ec().public_pem())});
  const std::string binary("\x00\xff\n0123456789abcdef0123456789abcdef\x00", 37);
  check_good(hmac_token(binary, kGood), {key_of(binary)});
}

BOOST_AUTO_TEST_CASE(an_unsigned_token_is_none) {
  for (const char* alg : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string text = unsigned_token(std::string(R"({"alg":")") + alg + "\"}", kGood);
    check_fault(text + ".", {key_of(kSecret)}, TokenFault::malformed);
    check_fault(text, {key_of(kSecret)}, TokenFault::malformed);
    check_fault(text + ".c2ln", {key_of(kSecret)}, TokenFault::algorithm);
  }
  check_fault(unsigned_token("{}", kGood) + ".c2ln", {key_of(kSecret)}, TokenFault::algorithm);
  check_fault(unsigned_token(R"({"alg":7})", kGood) + ".c2ln", {key_of(kSecret)}, TokenFault::algorithm);
}

BOOST_AUTO_TEST_CASE(what_is_public_never_serves_as_a_secret) {
  // The classic: HS256 with the text of the public key, which everybody has.
  for (const SigningKey* key : {&rsa(), &ec()}) {
    const std::string pem = key->public_pem();
    for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1)})
      check_fault(hmac_token(secret, kGood), {key_of(pem)}, TokenFault::algorithm);
    // Nor beside a key that HS256 is taken with.
    check_fault(hmac_token(pem, kGood), {key_of(pem), key_of(kSecret)}, TokenFault::signature);
  }
  check_fault(signed_token(rsa(), "RS256", kGood), {key_of(kSecret)}, TokenFault::algorithm);
  check_fault(signed_token(rsa(), "RS256", kGood), {key_of(ec().public_pem())}, TokenFault::algorithm);
  check_fault(signed_token(ec(), "ES256", kGood), {key_of(rsa().public_pem())}, TokenFault::algorithm);
  for (const char* alg : {"RS384", "RS512", "ES384", "PS256", "EdDSA"})
    check_fault(signed_token(rsa(), alg, kGood), {key_of(rsa().public_pem())}, TokenFault::algorithm);
}

BOOST_AUTO_TEST_CASE(a_name_said_twice_lets_nobody_in) {
  // Whichever of the two somebody looks at, the signature must fit the algorithm that its key is for.
  const std::string pem = rsa().public_pem();
  for (const char* header : {R"({"alg":"RS256","alg":"HS256"})", R"({"alg":"HS256","alg":"RS256"})",
                             R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","alg":"none"})"}) {
    const std::string text = unsigned_token(header, kGood);
    for (const std::string& mac : {hmac_digest(pem, text), std::string("x")})
      BOOST_TEST(
          std::holds_alternative<TokenFault>(verify(text + "." + base64url(mac), {key_of(pem), key_of(kSecret)})));
  }
}

BOOST_AUTO_TEST_CASE(another_key_did_not_sign_it) {
  const SigningKey other(SigningKey::Type::p256);
  check_fault(signed_token(other, "ES256", kGood), {key_of(ec().public_pem())}, TokenFault::signature);
  check_fault(hmac_token("another secret of 32 bytes at le", kGood), {key_of(kSecret)}, TokenFault::signature);
  std::string token = hmac_token(kSecret, kGood);
  const std::string changed = unsigned_token(R"({"alg":"HS256","typ":"JWT"})", R"({"sub":"root","exp":1800000000})");
  check_fault(changed + token.substr(token.rfind('.')), {key_of(kSecret)}, TokenFault::signature);
  // Every one of several keys is tried.
  check_good(token, {key_of("another secret of 32 bytes at le"), key_of(ec().public_pem()), key_of(kSecret)});
}

BOOST_AUTO_TEST_CASE(kid_selects_the_key) {
  const std::string old_secret = "the secret of last month, 32 bytes";
  const std::vector<TokenKey> keys = {key_of(kSecret, "new"), key_of(old_secret, "old")};
  check_good(hmac_token(kSecret, kGood, "new"), keys);
  check_good(hmac_token(old_secret, kGood, "old"), keys);
  check_good(hmac_token(old_secret, kGood), keys);  // names none: each is tried
  check_fault(hmac_token(old_secret, kGood, "new"), keys, TokenFault::signature);
  check_fault(hmac_token(kSecret, kGood, "stolen"), keys, TokenFault::key);
  check_fault(hmac_token(kSecret, kGood, "../../dev/null"), keys, TokenFault::key);
  // A key without an id is for whatever ids the issuer gives.
  check_good(hmac_token(kSecret, kGood, "whatever"), {key_of(kSecret)});
  check_fault(signed_token(ec(), "ES256", kGood, "new"), {key_of(kSecret, "new"), key_of(ec().public_pem())},
              TokenFault::algorithm);
  check_fault(with_header(R"({"alg":"HS256","kid":7})"), {key_of(kSecret)}, TokenFault::malformed);
  check_fault(with_header(R"({"alg":"HS256","kid":null})"), {key_of(kSecret)}, TokenFault::malformed);
}

BOOST_AUTO_TEST_CASE(an_extension_that_must_be_understood_is_not) {
  check_fault(with_header(R"({"alg":"HS256","crit":["b64"],"b64":false})"), {key_of(kSecret)}, TokenFault::malformed);
  check_good(with_header(R"({"alg":"HS256","jku":"https://evil.example/keys"})"), {key_of(kSecret)});
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused_unread) {
  const std::string good = hmac_token(kSecret, kGood);
  const std::vector<TokenKey> keys = {key_of(kSecret)};
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"), std::string("a..c"), good + ".",
        good + ".x", "." + good, good + "\n", good + "=", " " + good, good + std::string(1, '\0'),
        good + std::string("\0.a", 3), std::string("eyJ.eyJ.eyJ.eyJ.eyJ"), std::string("\xff\xfe.\xff.\xff"),
        std::string(100'000, 'a'),
        std::string(3'000, 'a') + "." + std::string(3'000, 'b') + "." + std::string(3'000, 'c'),
        std::string(8'000, '.')})
    check_fault(text, keys, TokenFault::malformed);
  // Wherever it is cut, and whichever character is another one.
  for (std::size_t i = 0; i < good.size(); ++i) {
    BOOST_TEST(std::holds_alternative<TokenFault>(verify(good.substr(0, i), keys)));
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character of a part has bits that stand for nothing, so what they say is the library's business.
    if (i + 1 != good.size()) BOOST_TEST(std::holds_alternative<TokenFault>(verify(changed, keys)), i);
  }
}

// The library sees a text that ends there, and would take it.
BOOST_AUTO_TEST_CASE(what_holds_a_zero_byte_is_malformed) {
  const std::string zero(1, '\0');
  check_fault(hmac_token(kSecret, kGood + zero), {key_of(kSecret)}, TokenFault::malformed);
  check_fault(with_header(R"({"alg":"HS256"})" + zero), {key_of(kSecret)}, TokenFault::malformed);
}

BOOST_AUTO_TEST_CASE(claims_that_are_no_object_are_malformed) {
  std::string deep =
      R"({"sub":"alice","exp":1800000000,"x":)" + std::string(1'000, '[') + std::string(1'000, ']') + "}";
  for (const std::string& claims :
       {std::string("[]"), std::string("null"), std::string("\"alice\""), std::string("7"), std::string("{"),
        std::string("{}x"), std::string("{\"sub\":\"\xff\",\"exp\":1800000000}"), deep,
        std::string("{\"a\0\":1,\"exp\":1800000000}", 23)})
    check_fault(hmac_token(kSecret, claims), {key_of(kSecret)}, TokenFault::malformed);
  std::string padding(5'000, 'x');
  check_good(hmac_token(kSecret, R"({"sub":"alice","exp":1800000000,"x":")" + padding + "\"}"), {key_of(kSecret)});
  padding.resize(7'000, 'x');
  check_fault(hmac_token(kSecret, R"({"sub":"alice","exp":1800000000,"x":")" + padding + "\"}"), {key_of(kSecret)},
              TokenFault::malformed);
}

BOOST_AUTO_TEST_CASE(checks_with_public_keys_are_bounded_and_secrets_are_not) {
  RateBucket two(0.001, 2);
  const TokenVerifier verifier({key_of(ec().public_pem()), key_of(kSecret)}, {});
  const SigningKey other(SigningKey::Type::p256);
  const std::string forged = signed_token(other, "ES256", kGood), good = signed_token(ec(), "ES256", kGood);
  BOOST_TEST((std::get<TokenFault>(verifier.verify(forged, kNow, two)) == TokenFault::signature));
  BOOST_TEST(std::holds_alternative<Grant>(verifier.verify(good, kNow, two)));
  BOOST_TEST((std::get<TokenFault>(verifier.verify(good, kNow, two)) == TokenFault::overloaded));
  BOOST_TEST(std::holds_alternative<Grant>(verifier.verify(hmac_token(kSecret, kGood), kNow, two)));
  // What its claims refuse takes none either.
  const std::string expired = signed_token(ec(), "ES256", R"({"exp":1})");
  BOOST_TEST((std::get<TokenFault>(verifier.verify(expired, kNow, two)) == TokenFault::expired));
}

BOOST_AUTO_TEST_CASE(who_has_neither_subject_nor_id_is_counted_by_the_token) {
  const auto key_for = [](const char* claims) {
    return std::get<Grant>(verify(hmac_token(kSecret, claims), {key_of(kSecret)})).identity.key;
  };
  BOOST_TEST(key_for(kGood) == "sub:alice");
  BOOST_TEST(key_for(R"({"jti":"t-1","exp":1800000000})") == "jti:t-1");
  const std::string one = key_for(R"({"exp":1800000000})"), other = key_for(R"({"exp":1800000001})");
  BOOST_TEST(one.size() == std::string("token:").size() + 16);
  BOOST_TEST(one != other);
  BOOST_TEST(one == key_for(R"({"exp":1800000000})"));
}

BOOST_AUTO_TEST_CASE(the_revoked_are_refused_by_id_and_by_subject) {
  RateBucket free(0, 0);
  for (const auto& [list, refused] : std::vector<std::pair<const char*, bool>>{{"t-1", true},
                                                                               {"jti:t-1", true},
                                                                               {"sub:alice", true},
                                                                               {"alice\n", true},
                                                                               {"jti:alice", false},
                                                                               {"sub:t-1", false},
                                                                               {"t-2\n#t-1\n", false}}) {
    const TokenVerifier verifier({key_of(kSecret)}, {}, std::make_shared<const Revocations>(*Revocations::parse(list)));
    const auto result = verifier.verify(hmac_token(kSecret, kGood), kNow, free);
    BOOST_TEST(std::holds_alternative<TokenFault>(result) == refused, list);
    if (refused) BOOST_TEST((std::get<TokenFault>(result) == TokenFault::revoked));
  }
}

BOOST_AUTO_TEST_SUITE_END()
