#include "tests/support/jwt.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace pulsegate::test {
namespace {

EVP_PKEY* pkey(void* key) {
  return static_cast<EVP_PKEY*>(key);
}

std::string take(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string header_of(std::string_view alg, const std::string& kid) {
  std::string header = R"({"alg":")" + std::string(alg) + R"(","typ":"JWT")";
  if (!kid.empty()) header += R"(,"kid":")" + kid + "\"";
  return header + "}";
}

}  // namespace

std::string base64url(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0, held = 0;
  for (const char c : bytes) {
    held = (held << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) out += kDigits[held >> (bits - 6) & 63];
  }
  if (bits > 0) out += kDigits[held << (6 - bits) & 63];
  return out;
}

std::string hmac_digest(std::string_view key, std::string_view text, int bits) {
  const EVP_MD* const digest = bits == 512 ? EVP_sha512() : bits == 384 ? EVP_sha384() : EVP_sha256();
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), out, &size);
  return std::string(reinterpret_cast<char*>(out), size);
}

SigningKey::SigningKey(Type type) : key_(nullptr) {
  switch (type) {
    case Type::rsa2048:
      key_ = EVP_RSA_gen(2048);
      break;
    case Type::rsa1024:
      key_ = EVP_RSA_gen(1024);
      break;
    case Type::p256:
      key_ = EVP_EC_gen("P-256");
      break;
    case Type::p384:
      key_ = EVP_EC_gen("P-384");
      break;
    case Type::ed25519:
      key_ = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
  }
  if (key_ == nullptr) throw std::runtime_error("cannot make a key");
}

SigningKey::~SigningKey() {
  EVP_PKEY_free(pkey(key_));
}

std::string SigningKey::public_pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, pkey(key_));
  return take(bio);
}

std::string SigningKey::public_der() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  i2d_PUBKEY_bio(bio, pkey(key_));
  return take(bio);
}

std::string SigningKey::private_pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, pkey(key_), nullptr, nullptr, 0, nullptr, nullptr);
  return take(bio);
}

std::string SigningKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pkey(key_)) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) != 1)
    throw std::runtime_error("cannot sign");
  std::string signature(size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  EVP_DigestSign(context.get(), out, &size, bytes_of(text), text.size());
  signature.resize(size);
  if (EVP_PKEY_get_base_id(pkey(key_)) != EVP_PKEY_EC) return signature;
  const unsigned char* der = bytes_of(signature);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
      d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size)), &ECDSA_SIG_free);
  const int half = (EVP_PKEY_get_bits(pkey(key_)) + 7) / 8;
  std::string raw(static_cast<std::size_t>(2 * half), '\0');
  auto* const both = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), both, half);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), both + half, half);
  return raw;
}

std::string unsigned_token(std::string_view header, std::string_view claims) {
  return base64url(header) + "." + base64url(claims);
}

std::string hmac_token(std::string_view secret, std::string_view claims, const std::string& kid, int bits) {
  const std::string text = unsigned_token(header_of("HS" + std::to_string(bits), kid), claims);
  return text + "." + base64url(hmac_digest(secret, text, bits));
}

std::string signed_token(const SigningKey& key, std::string_view alg, std::string_view claims, const std::string& kid) {
  const std::string text = unsigned_token(header_of(alg, kid), claims);
  return text + "." + base64url(key.sign(text));
}

}  // namespace pulsegate::test
