// What a TLS connection to Redis is made with: certificates from files, and the check of who answers. Faults become
// sentences for an operator.
#pragma once

#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <memory>
#include <string>
#include <system_error>

#include "bus/redis_config.hpp"

namespace pulsegate::bus {

// Reads the files anew: a certificate that was renewed counts from the next connection on. Null: not usable, and
// `error` says which file and why. Blocks for as long as the files take.
std::unique_ptr<asio::ssl::context> make_tls_context(const RedisTls& tls, std::string& error);

// Before the handshake: whom we want to talk to (SNI, for names only), and whose certificate we accept. False: `name`
// is no name that a certificate can have.
bool expect_peer(SSL* connection, const std::string& name);

// Why a handshake, or the first read behind it, failed. `name` as in expect_peer().
std::string explain_tls_error(SSL* connection, const std::error_code& error, const std::string& name);

}  // namespace pulsegate::bus
