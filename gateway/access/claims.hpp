// From the claims of a token whose signature was checked to what its bearer may do (RFC 7519, section 4). Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/access/identity.hpp"
#include "gateway/access/token_fault.hpp"
#include "proto/time.hpp"

namespace pulsegate::access {

// What the operator asks of every token. Constant after construction.
struct TokenRules {
  std::vector<std::string> issuers;    // one of them must be `iss`; empty: not looked at
  std::vector<std::string> audiences;  // one of them must be (in) `aud`; empty: not looked at
  // Claim and value: the claim is that string (number, boolean), or an array that holds it.
  std::vector<std::pair<std::string, std::string>> required;
  bool require_devices = false;              // a token without the devices claim is refused, instead of seeing all
  std::chrono::milliseconds leeway{30'000};  // that clocks may differ, for `exp` and `nbf`
  // Names of claims.
  std::string subject_claim = "sub";
  std::string devices_claim = "devices";    // UUIDs, or "*"
  std::string channels_claim = "channels";  // names, or "*"
  std::string scope_claim = "scope";        // words in a string (RFC 8693, section 4.2) or an array of them
};

// `json`: the claims. What is present must be of the right type: a claim that cannot be understood grants nothing, it
// refuses the token. Grant::identity.key is left empty where the token has neither subject nor id.
std::variant<Grant, TokenFault> judge_claims(std::string_view json, const TokenRules& rules, proto::Timestamp now);

}  // namespace pulsegate::access
