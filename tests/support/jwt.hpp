// Tokens as an issuer makes them, and as a forger does: header and claims are whatever text the test wants. Made with
// OpenSSL alone, so that nothing is shared with what checks them.
#pragma once

#include <string>
#include <string_view>

namespace pulsegate::test {

std::string base64url(std::string_view bytes);
std::string hmac_digest(std::string_view key, std::string_view text, int bits = 256);  // 256, 384 or 512

// A pair made anew. Private keys never leave the object.
class SigningKey {
 public:
  enum class Type { rsa2048, rsa1024, p256, p384, ed25519 };
  explicit SigningKey(Type type);
  ~SigningKey();
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  std::string public_pem() const;
  std::string public_der() const;
  std::string private_pem() const;
  // The signature of a JWS: RSA PKCS#1 v1.5 with SHA-256, or r and s of ECDSA side by side.
  std::string sign(std::string_view text) const;

 private:
  void* key_;
};

// header.claims, both as base64url, without a signature and its dot.
std::string unsigned_token(std::string_view header, std::string_view claims);
// HS256, or `bits` of 384 or 512, with a header that says so; `kid` empty: none.
std::string hmac_token(std::string_view secret, std::string_view claims, const std::string& kid = {}, int bits = 256);
// RS256 or ES256, by the key.
std::string signed_token(const SigningKey& key, std::string_view alg, std::string_view claims,
                         const std::string& kid = {});

}  // namespace pulsegate::test
