#include "gateway/access/token_key.hpp"

#include <memory>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace pulsegate::access {
namespace {

using PublicKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr int kMinRsaBits = 2048;
constexpr std::string_view kP256 = "prime256v1";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

PublicKey read_pem(std::string_view text) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                      &BIO_free);
  PublicKey key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr, &EVP_PKEY_free);
  ERR_clear_error();  // or TLS on this thread would take our failure for its own
  return key;
}

bool is_der(std::string_view bytes) {
  auto begin = reinterpret_cast<const unsigned char*>(bytes.data());
  const PublicKey key(d2i_PUBKEY(nullptr, &begin, static_cast<long>(bytes.size())), &EVP_PKEY_free);
  ERR_clear_error();
  return key != nullptr;
}

std::optional<TokenKey::Kind> kind_of(EVP_PKEY& key, std::string& error) {
  if (EVP_PKEY_base_id(&key) == EVP_PKEY_RSA) {
    if (EVP_PKEY_bits(&key) >= kMinRsaBits) return TokenKey::Kind::rsa;
    error = "holds an RSA key of fewer than 2048 bits";
  } else if (EVP_PKEY_base_id(&key) == EVP_PKEY_EC) {
    char curve[64] = {};
    std::size_t size = 0;
    EVP_PKEY_get_utf8_string_param(&key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, &size);
    if (std::string_view(curve, size) == kP256) return TokenKey::Kind::ec;
    error = "holds an EC key on another curve than P-256, the one of ES256";
  } else {
    error = "holds a public key that is neither RSA nor EC";
  }
  return std::nullopt;
}

std::optional<TokenKey> parse_pem(std::string_view content, std::string& error) {
  if (contains(content, "PRIVATE KEY-----")) {
    error = "holds a private key; give its public half (openssl pkey -in FILE -pubout)";
  } else if (contains(content, "-----BEGIN CERTIFICATE-----")) {
    error = "holds a certificate; give its public key (openssl x509 -in FILE -noout -pubkey)";
  } else if (contains(content, "-----BEGIN RSA PUBLIC KEY-----")) {
    error = "holds a key in PKCS#1 form; convert it (openssl rsa -RSAPublicKey_in -in FILE -pubout)";
  } else if (const PublicKey key = read_pem(content)) {
    if (const auto kind = kind_of(*key, error)) return TokenKey{{}, *kind, std::string(content)};
  } else {
    error = "holds PEM that is no public key";
  }
  return std::nullopt;
}

}  // namespace

std::optional<Algorithm> find_algorithm(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kAlgorithmNames.size(); ++i)
    if (name == kAlgorithmNames[i]) return static_cast<Algorithm>(i);
  return std::nullopt;
}

bool TokenKey::fits(Algorithm algorithm) const noexcept {
  switch (kind) {
    case Kind::secret:
      return is_hmac(algorithm);
    case Kind::rsa:
      return algorithm == Algorithm::rs256;
    case Kind::ec:
      return algorithm == Algorithm::es256;
  }
  return false;
}

std::optional<TokenKey> parse_token_key(std::string_view content, std::string& error) {
  if (contains(content, "-----BEGIN ")) return parse_pem(content, error);
  if (!content.empty() && content.back() == '\n') content.remove_suffix(1);
  if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
  if (content.substr(0, 4) == "ssh-" || content.substr(0, 6) == "ecdsa-") {
    error = "holds an SSH key; give a public key in PEM (ssh-keygen -e -m PKCS8)";
  } else if (!content.empty() && content.front() == '{' && contains(content, "\"kty\"")) {
    error = "holds a JSON Web Key; give a public key in PEM, or the bytes of a secret";
  } else if (is_der(content)) {
    error = "holds a public key in DER; give it in PEM (openssl pkey -pubin -inform DER -in FILE)";
  } else if (content.size() < kMinSecretBytes) {
    error = "holds neither a public key in PEM nor a secret of at least 32 bytes";
  } else {
    return TokenKey{{}, TokenKey::Kind::secret, std::string(content)};
  }
  return std::nullopt;
}

}  // namespace pulsegate::access
