// One key that signs tokens: what a key file holds, and the algorithms that it is good for. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::access {

enum class Algorithm : std::uint8_t { hs256, hs384, hs512, rs256, es256 };
inline constexpr std::array<const char*, 5> kAlgorithmNames = {"HS256", "HS384", "HS512", "RS256", "ES256"};

// By the name in a token's header; nullopt: none of these, so also for "none".
std::optional<Algorithm> find_algorithm(std::string_view name) noexcept;

constexpr bool is_hmac(Algorithm algorithm) noexcept {
  return algorithm <= Algorithm::hs512;
}

// Invariant: `kind` is decided by the key alone, before any token was seen. A secret never checks RS256 or ES256, and
// what is public never serves as a secret.
struct TokenKey {
  enum class Kind : std::uint8_t { secret, rsa, ec };  // HS256, HS384 and HS512 · RS256 · ES256

  std::string id;  // `kid`; empty: for tokens with and without one
  Kind kind = Kind::secret;
  std::string material;  // PEM, or the bytes of the secret: never logged

  bool fits(Algorithm algorithm) const noexcept;
};

// A secret is at least as long as the shortest digest (RFC 7518, section 3.2).
inline constexpr std::size_t kMinSecretBytes = 32;

// What a key file holds: a public key in PEM (SPKI; RSA of 2048 bits and more, or EC on P-256), else the bytes of a
// secret, of which one newline at the end is dropped. nullopt and `error` ("holds a private key; …", without subject)
// when it is neither. What looks like any other form of a key is refused: as a secret it would be one that others know.
std::optional<TokenKey> parse_token_key(std::string_view content, std::string& error);

}  // namespace pulsegate::access
