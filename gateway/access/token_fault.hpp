// Why a token lets nobody in: one table for the answer, the close code and the metric.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/error_code.hpp"

namespace pulsegate::access {

enum class TokenFault : std::uint8_t {
  missing,        // none was sent
  malformed,      // no JWT that can be read, or too long
  algorithm,      // none, or one that no key of ours is used with
  key,            // no key has its `kid`
  signature,      // no key has signed it
  expired,        // `exp` is over
  not_yet_valid,  // `nbf` is to come
  issuer,         // `iss` is none of --jwt-issuer
  audience,       // `aud` names none of --jwt-audience
  claims,         // a claim is missing, of a wrong type, or not what --jwt-require asks for
  revoked,        // its `jti` or subject stands in --revocation-file
  overloaded      // more signatures to check than --jwt-check-rate allows; not the token's fault
};
inline constexpr std::size_t kTokenFaults = 12;

// Kebab-case: the label of metrics and, in logs, the reason.
inline constexpr std::array<const char*, kTokenFaults> kTokenFaultNames = {
    "missing",       "malformed", "algorithm", "key",    "signature", "expired",
    "not-yet-valid", "issuer",    "audience",  "claims", "revoked",   "overloaded"};

// One sentence for the developer of the client; never anything of the token.
std::string_view sentence(TokenFault fault) noexcept;
proto::ErrorCode error_code(TokenFault fault) noexcept;

}  // namespace pulsegate::access
