#include "gateway/access/token_fault.hpp"

namespace pulsegate::access {

std::string_view sentence(TokenFault fault) noexcept {
  switch (fault) {
    case TokenFault::missing:
      return "A token is needed: as \"Authorization: Bearer\", as ?token=, or as the subprotocols pulsegate.v1 and "
             "bearer.<token>.";
    case TokenFault::malformed:
      return "The token is not a JSON Web Token that can be read.";
    case TokenFault::algorithm:
      return "The token is signed with an algorithm that this gateway does not take for its keys.";
    case TokenFault::key:
      return "This gateway has no key with the token's key id (kid).";
    case TokenFault::signature:
      return "The token's signature does not fit any key of this gateway.";
    case TokenFault::expired:
      return "The token has expired; get a new one.";
    case TokenFault::not_yet_valid:
      return "The token is not valid yet (nbf).";
    case TokenFault::issuer:
      return "The token comes from an issuer (iss) that this gateway does not know.";
    case TokenFault::audience:
      return "The token is meant for another audience (aud).";
    case TokenFault::claims:
      return "A claim of the token is missing, of a wrong type, or has another value than this gateway asks for.";
    case TokenFault::revoked:
      return "The token was revoked.";
    case TokenFault::overloaded:
      break;
  }
  return "Too many tokens are being checked; try again later.";
}

proto::ErrorCode error_code(TokenFault fault) noexcept {
  switch (fault) {
    case TokenFault::expired:
      return proto::ErrorCode::token_expired;
    case TokenFault::revoked:
      return proto::ErrorCode::token_revoked;
    case TokenFault::overloaded:
      return proto::ErrorCode::unavailable;
    default:
      return proto::ErrorCode::unauthorized;
  }
}

}  // namespace pulsegate::access
