// OpenSSL's own functions where Asio's do not say what is wrong, or with which file.
#include "bus/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <asio/ip/address.hpp>
#include <cerrno>
#include <cstdio>

namespace pulsegate::bus {
namespace {

// Of the oldest error on this thread's queue, which is the cause.
std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown reason";
}

// Says more than OpenSSL does, and is the usual mistake: a wrong path, or a file of somebody else.
bool readable(const std::string& file, const char* what, std::string& error) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"), &std::fclose);
  if (opened) return true;
  error = std::string("cannot read the ") + what + " " + file + ": " + std::generic_category().message(errno);
  return false;
}

bool load_ca(SSL_CTX* context, const RedisTls& tls, std::string& error) {
  if (tls.ca_file.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  if (!readable(tls.ca_file, "CA file of --redis-ca", error)) return false;
  if (SSL_CTX_load_verify_locations(context, tls.ca_file.c_str(), nullptr) == 1) return true;
  error = "the CA file of --redis-ca " + tls.ca_file + " holds no usable certificate: " + openssl_reason();
  return false;
}

bool load_own(SSL_CTX* context, const RedisTls& tls, std::string& error) {
  if (tls.cert_file.empty()) return true;
  if (!readable(tls.cert_file, "certificate of --redis-cert", error) ||
      !readable(tls.key_file, "key of --redis-key", error))
    return false;
  if (SSL_CTX_use_certificate_chain_file(context, tls.cert_file.c_str()) != 1) {
    error = "the file of --redis-cert " + tls.cert_file + " holds no usable certificate: " + openssl_reason();
    return false;
  }
  // Compares it with the certificate as well.
  if (SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1) return true;
  error = "the file of --redis-key " + tls.key_file + " holds no key of the certificate: " + openssl_reason();
  return false;
}

bool is_address(const std::string& name) {
  std::error_code not_numeric;
  asio::ip::make_address(name, not_numeric);
  return !not_numeric;
}

std::string explain_certificate(long result, const std::string& name) {
  const std::string reason = X509_verify_cert_error_string(result);
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the TLS certificate of Redis has expired: renew it on the server (" + reason + ")";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the TLS certificate of Redis is not valid yet: compare the clocks (" + reason + ")";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the TLS certificate of Redis is not for " + name +
             ": connect by a name that it holds, or say that name with --redis-server-name (" + reason + ")";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the TLS certificate of Redis was signed by an unknown CA: name the CA's file with --redis-ca (" + reason +
             ")";
    default:
      return "the TLS certificate of Redis cannot be accepted: " + reason;
  }
}

}  // namespace

std::unique_ptr<asio::ssl::context> make_tls_context(const RedisTls& tls, std::string& error) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* const native = context->native_handle();
  ERR_clear_error();
  // Without a passphrase: OpenSSL would ask for it at the terminal.
  SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 || !load_ca(native, tls, error) ||
      !load_own(native, tls, error)) {
    if (error.empty()) error = "TLS cannot be set up: " + openssl_reason();
    return nullptr;
  }
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  return context;
}

bool expect_peer(SSL* connection, const std::string& name) {
  X509_VERIFY_PARAM* const checks = SSL_get0_param(connection);
  if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(checks, name.c_str()) == 1;  // RFC 6066: no SNI for these
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(checks, name.c_str(), name.size()) == 1 &&
         SSL_set_tlsext_host_name(connection, name.c_str()) == 1;
}

std::string explain_tls_error(SSL* connection, const std::error_code& error, const std::string& name) {
  const long verified = SSL_get_verify_result(connection);
  if (verified != X509_V_OK) return explain_certificate(verified, name);
  const auto code = static_cast<unsigned long>(error.value());
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(code)) {
      case SSL_R_WRONG_VERSION_NUMBER:
        return "what answers at the Redis port does not speak TLS: use redis://, or the server's tls-port";
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return "Redis wants a client certificate: name one with --redis-cert and --redis-key (" + error.message() + ")";
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "Redis does not accept the certificate of --redis-cert (" + error.message() + ")";
      default:
        break;
    }
  }
  return "TLS with Redis failed: " + error.message();
}

}  // namespace pulsegate::bus
