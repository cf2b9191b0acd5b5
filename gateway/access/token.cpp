// libjwt decodes and checks. Its ways that need care: it verifies with whatever algorithm the token names, takes any
// key for it, and leaves errors in OpenSSL's queue of the thread, where TLS would find them.
#include "gateway/access/token.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <jwt.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include "proto/json_members.hpp"

namespace pulsegate::access {
namespace {

using Decoded = std::unique_ptr<jwt_t, decltype(&jwt_free)>;
using Text = std::unique_ptr<char, decltype(&std::free)>;

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Three parts of base64url (RFC 7515, section 3.1), none of them empty: an unsigned token is none.
bool well_formed(std::string_view token) {
  if (token.empty() || token.size() > kMaxTokenBytes) return false;
  std::size_t dots = 0, part = 0;
  for (const char c : token) {
    if (c == '.') {
      if (part == 0 || ++dots > 2) return false;
      part = 0;
    } else if (kAlphabet.find(c) == std::string_view::npos) {
      return false;
    } else {
      ++part;
    }
  }
  return dots == 2 && part > 0;
}

// With a key: only if the signature is right. The library wants a text with an end.
Decoded decode(const std::string& token, const std::string* key) {
  jwt_t* decoded = nullptr;
  const auto* const bytes = key != nullptr ? reinterpret_cast<const unsigned char*>(key->data()) : nullptr;
  const int failed = jwt_decode(&decoded, token.c_str(), bytes, key != nullptr ? static_cast<int>(key->size()) : 0);
  ERR_clear_error();
  return Decoded(failed != 0 ? nullptr : decoded, &jwt_free);
}

jwt_alg_t library_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
      return JWT_ALG_HS256;
    case Algorithm::hs384:
      return JWT_ALG_HS384;
    case Algorithm::hs512:
      return JWT_ALG_HS512;
    case Algorithm::rs256:
      return JWT_ALG_RS256;
    case Algorithm::es256:
      return JWT_ALG_ES256;
  }
  return JWT_ALG_INVAL;
}

// RFC 4648, section 5, without padding. Requires: only characters of the alphabet.
std::string from_base64url(std::string_view text) {
  std::string bytes;
  unsigned held = 0, bits = 0;
  for (const char c : text) {
    held = (held << 6 | static_cast<unsigned>(kAlphabet.find(c))) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(held >> bits & 0xff);
  }
  return bytes;
}

// The library would read either part only as far as that.
bool holds_zero(std::string_view token) {
  const std::size_t header = token.find('.');
  const std::size_t claims = token.find('.', header + 1);
  for (const std::string_view part : {token.substr(0, header), token.substr(header + 1, claims - header - 1)})
    if (from_base64url(part).find('\0') != std::string::npos) return true;
  return false;
}

// Of a token that the library does not read: it says the same of rubbish and of algorithms that it does not know, which
// somebody has to find out about.
TokenFault why_unreadable(std::string_view token) {
  const auto header = proto::read_json_members(from_base64url(token.substr(0, token.find('.'))));
  if (!header) return TokenFault::malformed;
  const auto name = header->find("alg");
  const bool known = name != header->end() && find_algorithm(name->second.text).has_value();
  return known ? TokenFault::malformed : TokenFault::algorithm;
}

struct Header {
  Algorithm algorithm;
  std::optional<std::string> key_id;
};

std::variant<Header, TokenFault> read_header(jwt_t& decoded) {
  // An extension that must be understood (RFC 7515, section 4.1.11): there is none that we understand.
  if (Text(jwt_get_headers_json(&decoded, "crit"), &std::free)) return TokenFault::malformed;
  const char* const name = jwt_get_header(&decoded, "alg");
  const auto algorithm = name != nullptr ? find_algorithm(name) : std::nullopt;
  if (!algorithm) return TokenFault::algorithm;
  Header header{*algorithm, std::nullopt};
  if (Text(jwt_get_headers_json(&decoded, "kid"), &std::free)) {
    const char* const id = jwt_get_header(&decoded, "kid");
    if (id == nullptr) return TokenFault::malformed;  // no string
    header.key_id = id;
  }
  return header;
}

std::string read_claims(jwt_t& decoded) {
  const Text json(jwt_get_grants_json(&decoded, nullptr), &std::free);
  return json ? std::string(json.get()) : std::string();
}

// Those that may have signed the token. A key that was given an id serves tokens with it, and those that name none;
// a key without an id also those whose id no key has.
std::vector<const TokenKey*> candidates(const std::vector<TokenKey>& keys, const Header& header, TokenFault& fault) {
  std::vector<const TokenKey*> named, unnamed;
  for (const TokenKey& key : keys) {
    if (!header.key_id || key.id == *header.key_id)
      named.push_back(&key);
    else if (key.id.empty())
      unnamed.push_back(&key);
  }
  std::vector<const TokenKey*>& found = named.empty() ? unnamed : named;
  fault = found.empty() ? TokenFault::key : TokenFault::algorithm;
  found.erase(std::remove_if(found.begin(), found.end(),
                             [&header](const TokenKey* key) { return !key->fits(header.algorithm); }),
              found.end());
  return std::move(found);
}

}  // namespace

std::string token_digest(std::string_view token) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

TokenVerifier::TokenVerifier(std::vector<TokenKey> keys, TokenRules rules,
                             std::shared_ptr<const Revocations> revocations)
    : keys_(std::move(keys)), rules_(std::move(rules)), revocations_(std::move(revocations)) {}

bool TokenVerifier::has_public_keys() const noexcept {
  return std::any_of(keys_.begin(), keys_.end(),
                     [](const TokenKey& key) { return key.kind != TokenKey::Kind::secret; });
}

std::variant<Grant, TokenFault> TokenVerifier::verify(std::string_view token, const Now& now,
                                                      RateBucket& checks) const {
  if (!well_formed(token) || holds_zero(token)) return TokenFault::malformed;
  const std::string text(token);
  const Decoded unchecked = decode(text, nullptr);
  if (!unchecked) return why_unreadable(token);
  auto header = read_header(*unchecked);
  if (const auto* fault = std::get_if<TokenFault>(&header)) return *fault;
  const Algorithm algorithm = std::get<Header>(header).algorithm;

  TokenFault fault{};
  const std::vector<const TokenKey*> keys = candidates(keys_, std::get<Header>(header), fault);
  if (keys.empty()) return fault;

  // Not believed yet: what would be refused anyway need not have its signature checked.
  auto judged = judge_claims(read_claims(*unchecked), rules_, now.wall);
  if (const auto* wrong = std::get_if<TokenFault>(&judged)) return *wrong;
  if (revoked(std::get<Grant>(judged).identity)) return TokenFault::revoked;

  for (const TokenKey* key : keys) {
    if (key->kind != TokenKey::Kind::secret && !checks.take(now.steady)) return TokenFault::overloaded;
    const Decoded checked = decode(text, &key->material);
    if (!checked || jwt_get_alg(checked.get()) != library_name(algorithm)) continue;
    // The same bytes as before, and now believed.
    Grant grant = std::move(std::get<Grant>(judged));
    if (grant.identity.key.empty()) {
      constexpr const char* kHex = "0123456789abcdef";
      grant.identity.key = "token:";
      for (const char c : token_digest(token).substr(0, 8)) {
        grant.identity.key += kHex[static_cast<unsigned char>(c) >> 4];
        grant.identity.key += kHex[static_cast<unsigned char>(c) & 15];
      }
    }
    return grant;
  }
  return TokenFault::signature;
}

}  // namespace pulsegate::access
