// What a key file may hold, and what must never be taken for a secret.
#include "gateway/access/token_key.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

#include "tests/support/jwt.hpp"

using namespace pulsegate::access;
using namespace pulsegate::test;

namespace {

std::string refusal(std::string_view content) {
  std::string error;
  BOOST_TEST(!parse_token_key(content, error).has_value(), content);
  return error;
}

bool says(const std::string& sentence, std::string_view part) {
  return sentence.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(TokenKeyFile)

BOOST_AUTO_TEST_CASE(a_secret_is_at_least_32_bytes_without_its_newline) {
  const std::string secret(32, 's');
  std::string error;
  for (const std::string& content : {secret, secret + "\n", secret + "\r\n"}) {
    const auto key = parse_token_key(content, error);
    BOOST_TEST_REQUIRE(key.has_value());
    BOOST_TEST(key->material == secret);
    BOOST_TEST((key->kind == TokenKey::Kind::secret));
  }
  BOOST_TEST(parse_token_key(secret + "\n\n", error)->material == secret + "\n");
  for (const std::string& content :
       {std::string(), std::string("\n"), std::string(31, 's'), std::string(31, 's') + "\n"})
    BOOST_TEST(says(refusal(content), "at least 32 bytes"));
}

BOOST_AUTO_TEST_CASE(public_keys_are_told_apart) {
  std::string error;
  const SigningKey rsa(SigningKey::Type::rsa2048), ec(SigningKey::Type::p256);
  BOOST_TEST((parse_token_key(rsa.public_pem(), error)->kind == TokenKey::Kind::rsa));
  BOOST_TEST((parse_token_key("a comment\n" + ec.public_pem(), error)->kind == TokenKey::Kind::ec));
  for (const Algorithm algorithm :
       {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512, Algorithm::rs256, Algorithm::es256}) {
    BOOST_TEST(parse_token_key(std::string(32, 's'), error)->fits(algorithm) == is_hmac(algorithm));
    BOOST_TEST(parse_token_key(rsa.public_pem(), error)->fits(algorithm) == (algorithm == Algorithm::rs256));
    BOOST_TEST(parse_token_key(ec.public_pem(), error)->fits(algorithm) == (algorithm == Algorithm::es256));
  }
}

BOOST_AUTO_TEST_CASE(other_forms_of_keys_are_no_secrets) {
  const SigningKey rsa(SigningKey::Type::rsa2048), weak(SigningKey::Type::rsa1024), p384(SigningKey::Type::p384),
      edwards(SigningKey::Type::ed25519);
  BOOST_TEST(says(refusal(rsa.private_pem()), "private key"));
  BOOST_TEST(says(refusal(rsa.public_der()), "DER"));
  BOOST_TEST(says(refusal(weak.public_pem()), "2048"));
  BOOST_TEST(says(refusal(p384.public_pem()), "P-256"));
  BOOST_TEST(says(refusal(edwards.public_pem()), "neither RSA nor EC"));
  BOOST_TEST(says(refusal(rsa.public_pem().substr(0, 200)), "no public key"));
  BOOST_TEST(says(refusal("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), "certificate"));
  BOOST_TEST(says(refusal("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n"), "PKCS#1"));
  BOOST_TEST(says(refusal("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody@somewhere"), "SSH"));
  BOOST_TEST(says(refusal(R"({"kty":"RSA","n":"AAAAB3NzaC1yc2EAAAADAQABAAABgQC7","e":"AQAB"})"), "JSON Web Key"));
}

BOOST_AUTO_TEST_CASE(algorithms_have_one_spelling) {
  BOOST_TEST((find_algorithm("RS256") == Algorithm::rs256));
  for (const char* name : {"", "none", "hs256", "HS256 ", "RS384", "ES384", "PS256", "EdDSA"})
    BOOST_TEST(!find_algorithm(name).has_value(), name);
}

BOOST_AUTO_TEST_SUITE_END()
