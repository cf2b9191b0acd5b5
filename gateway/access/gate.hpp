// Who comes in: the decision about a request with its origin, host and token, by the policy that is in force. One for
// each shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/access/access_counters.hpp"
#include "gateway/access/admission.hpp"
#include "gateway/access/grant_cache.hpp"
#include "gateway/access/identity.hpp"
#include "gateway/access/origins.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/access/token.hpp"
#include "gateway/clock.hpp"

namespace pulsegate::access {

// What the operator allows. Thread: immutable, shared by all shards; a changed file makes a new one.
struct Policy {
  std::shared_ptr<const TokenVerifier> verifier;  // null: --auth none
  OriginList origins;
  HostList hosts;
};
using PolicyPtr = std::shared_ptr<const Policy>;

// Checks with public keys a second, on average and at once: at some 0.3 ms each 15 % of a shard's time.
inline constexpr double kDefaultCheckRate = 500;

// Thread: its shard.
class Gate {
 public:
  // Null: everybody comes in. `check_rate`: signatures checked with public keys a second, as many at once; 0: no limit.
  explicit Gate(PolicyPtr policy = nullptr, double check_rate = kDefaultCheckRate);

  // decide(), and then, in this order: host, origin, token, device (none on the fleet endpoint). The dashboard page
  // asks for the host alone. While not `accepting` no token is looked at.
  Admission admit(const Request& request, const Now& now, bool accepting);

  // A token sent in-band. Counted as a failure where it is one; what it means for the session is the session's
  // business.
  std::variant<GrantPtr, TokenFault> check(std::string_view token, const Now& now);
  bool asks_for_tokens() const noexcept { return policy_->verifier != nullptr; }

  void set_policy(PolicyPtr policy);
  // Changes with the policy: then whoever is in may be revoked(). Never 0.
  std::uint64_t generation() const noexcept { return generation_; }
  bool revoked(const Grant& grant) const;

  AccessCounters& counters() noexcept { return counters_; }
  const AccessCounters& counters() const noexcept { return counters_; }
  void count(Forbidden what) noexcept { ++counters_.forbidden[static_cast<std::size_t>(what)]; }

 private:
  std::variant<GrantPtr, TokenFault> look_at(std::string_view token, const Now& now);
  Admission refuse(const Request& request, Admission admission, TokenFault fault);
  Admission forbid(const Request& request, Admission admission, Forbidden what, std::string message);

  PolicyPtr policy_;
  std::uint64_t generation_ = 1;
  RateBucket checks_;
  GrantCache known_;
  AccessCounters counters_;
};

}  // namespace pulsegate::access
