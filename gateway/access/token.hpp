// Checks a token: which key may have signed it, whether it has, and what its claims give. Pure but for the budget.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/access/claims.hpp"
#include "gateway/access/identity.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/access/revocations.hpp"
#include "gateway/access/token_fault.hpp"
#include "gateway/access/token_key.hpp"
#include "gateway/clock.hpp"

namespace pulsegate::access {

inline constexpr std::size_t kMaxTokenBytes = 8 * 1024;  // longer ones are refused unread
inline constexpr std::size_t kMaxTokenKeys = 16;         // that an operator may give; bounds what a token can cost

// SHA-256 of a token, 32 bytes: what may be kept of it.
std::string token_digest(std::string_view token);

// Thread: immutable after construction, so any number of threads may verify at once.
class TokenVerifier {
 public:
  // `revocations`: null: none.
  TokenVerifier(std::vector<TokenKey> keys, TokenRules rules, std::shared_ptr<const Revocations> revocations = nullptr);

  // Costs, cheapest first, so that most of what is forged ends before its signature is looked at: form, algorithm, key
  // id, claims, signature. The algorithm is pinned by the key: it must be one that the key is good for, before and
  // after the library has decided by the token's own header. Each check with a public key takes a token of `checks`
  // (some 0.3 ms, mostly for reading the key); with a secret it is free (3 us).
  std::variant<Grant, TokenFault> verify(std::string_view token, const Now& now, RateBucket& checks) const;

  bool revoked(const Identity& identity) const { return revocations_ != nullptr && revocations_->contains(identity); }
  // Whether checking takes long enough for its result to be kept.
  bool has_public_keys() const noexcept;

 private:
  const std::vector<TokenKey> keys_;
  const TokenRules rules_;
  const std::shared_ptr<const Revocations> revocations_;
};

}  // namespace pulsegate::access
