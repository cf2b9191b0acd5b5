// Tokens: the form that a stranger sends, headers and claims under a signature that is good, and key files.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/access/claims.hpp"
#include "gateway/access/credentials.hpp"
#include "gateway/access/revocations.hpp"
#include "gateway/access/token.hpp"
#include "gateway/access/token_key.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/jwt.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr char kSecret[] = "a secret of more than thirty-two bytes, known to this file";
const Now kNow{SteadyTime(std::chrono::hours(1)), proto::Timestamp(std::chrono::seconds(1'800'000'000))};

const access::TokenVerifier& verifier() {
  static const access::TokenVerifier one({{"", access::TokenKey::Kind::secret, kSecret}}, access::TokenRules{});
  return one;
}

std::optional<access::Grant> granted(const std::string& token) {
  access::RateBucket checks(0, 0);
  auto result = verifier().verify(token, kNow, checks);
  if (auto* grant = std::get_if<access::Grant>(&result)) return std::move(*grant);
  return std::nullopt;
}

void check_grant(const access::Grant& grant) {
  must_hold(grant.ends > kNow.wall, "what is granted has not ended");
  must_hold(!grant.identity.key.empty(), "whoever comes in is counted as somebody");
  must_hold(grant.identity.subject.size() <= 256 && grant.identity.token_id.size() <= 256, "names are bounded");
}

// Whatever is written before the last dot: nobody else knows the secret.
void check_stranger(const std::string& token) {
  if (!granted(token)) return;
  const std::size_t dot = token.rfind('.');
  must_hold(dot != std::string::npos, "a token that is taken has a signature");
  const std::string text = token.substr(0, dot);
  bool signed_by_us = false;
  for (const int bits : {256, 384, 512})
    signed_by_us = signed_by_us || token.substr(dot + 1) == test::base64url(test::hmac_digest(kSecret, text, bits));
  must_hold(signed_by_us, "nobody comes in without a signature of a key");
}

// Signed by us with SHA-256, whatever the header says.
void check_header(const std::string& header) {
  const std::string text = test::unsigned_token(header, R"({"sub":"a","exp":1900000000})");
  const auto grant = granted(text + "." + test::base64url(test::hmac_digest(kSecret, text)));
  if (!grant) return;
  check_grant(*grant);
  must_hold(header.find("HS256") != std::string::npos || header.find("\\u") != std::string::npos,
            "the algorithm is the one that the header names");
}

void check_claims(const std::string& claims) {
  const auto judged = access::judge_claims(claims, access::TokenRules{}, kNow.wall);
  const auto grant = granted(test::hmac_token(kSecret, claims));
  if (grant) {
    check_grant(*grant);
    must_hold(std::holds_alternative<access::Grant>(judged), "a signature makes no claims good");
  }
}

void check_files(const std::string& text) {
  std::string error;
  const auto key = access::parse_token_key(text, error);
  must_hold(key.has_value() == error.empty(), "a key is taken, or it is said why not");
  if (key) {
    const bool secret = key->kind == access::TokenKey::Kind::secret;
    must_hold(!secret || key->material.size() >= access::kMinSecretBytes, "a secret is long enough");
    must_hold(key->fits(access::Algorithm::hs256) == secret, "what is public is no secret");
    must_hold(!secret || text.rfind("-----BEGIN PUBLIC KEY-----", 0) != 0, "what begins as a public key is no secret");
  }
  if (const auto revoked = access::Revocations::parse(text))
    must_hold(revoked->size() <= text.size(), "a list has no more entries than bytes");
}

void check_request(const std::string& text) {
  access::Request request;
  request.authorization = text;
  const auto by_header = access::find_token(request);
  must_hold(!by_header || by_header->size() < text.size(), "a token is a part of its header");
  request.authorization = {};
  request.subprotocols = text;
  const auto by_protocol = access::find_token(request);
  must_hold(!by_protocol || by_protocol->size() < text.size(), "a token is a part of what is offered");
  request.subprotocols = {};
  request.target = text;
  const auto by_query = access::find_token(request);
  must_hold(!by_query || by_query->size() < text.size(), "a token is a part of the target");
}

}  // namespace

// The first byte says what the rest is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t what = input.byte();
  const std::string text(input.rest());
  switch (what % 5) {
    case 0:
      check_stranger(text);
      break;
    case 1:
      check_header(text);
      break;
    case 2:
      check_claims(text);
      break;
    case 3:
      check_files(text);
      break;
    default:
      check_request(text);
  }
  return 0;
}
