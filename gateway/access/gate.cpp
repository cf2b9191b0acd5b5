#include "gateway/access/gate.hpp"

#include <optional>
#include <tuple>
#include <utility>

#include "gateway/access/credentials.hpp"

namespace pulsegate::access {
namespace {

using proto::CloseCode;
using proto::ErrorCode;

// 4 096 tokens a shard, of at most 2 KB: with what their claims give, some megabytes.
constexpr std::size_t kKnownTokens = 2'048;
constexpr std::size_t kMaxKnownBytes = 2'048;

static_assert(kTokenFaults == std::tuple_size_v<decltype(AccessCounters::failures)>);

Admission refused(const Request& request, Admission admission, int status, CloseCode close, ErrorCode error,
                  std::string message) {
  admission.accepted = false;
  admission.refuse_by_close = can_read_close_codes(request);
  admission.http_status = status;
  admission.close = close;
  admission.error = error;
  admission.message = std::move(message);
  return admission;
}

// RFC 6750, section 3: without a token nothing but the scheme is said.
std::string challenge(TokenFault fault) {
  std::string text = "Bearer realm=\"pulsegate\"";
  if (fault == TokenFault::missing) return text;
  return text.append(", error=\"invalid_token\", error_description=\"").append(sentence(fault)).append("\"");
}

}  // namespace

Gate::Gate(PolicyPtr policy, double check_rate)
    : policy_(policy ? std::move(policy) : std::make_shared<const Policy>()),
      checks_(check_rate, check_rate),
      known_(kKnownTokens) {}

void Gate::set_policy(PolicyPtr policy) {
  policy_ = std::move(policy);
  ++generation_;
  known_.clear();
}

bool Gate::revoked(const Grant& grant) const {
  return policy_->verifier != nullptr && policy_->verifier->revoked(grant.identity);
}

Admission Gate::admit(const Request& request, const Now& now, bool accepting) {
  Admission admission = decide(request, accepting);
  if (!admission.accepted) return admission;
  if (!policy_->hosts.allows(request.host))
    return forbid(request, std::move(admission), Forbidden::host, "This gateway does not go by that Host name.");
  // The same for everybody and without a word of any device; what it then asks for is decided upon as ever.
  if (admission.route == Route::page) return admission;
  if (!policy_->origins.allows(request.origin))
    return forbid(request, std::move(admission), Forbidden::origin, "Pages of this Origin are not allowed here.");
  if (!asks_for_tokens()) return admission;

  const std::optional<std::string> token = find_token(request);
  if (!token || token->empty()) {
    ++counters_.failures[static_cast<std::size_t>(TokenFault::missing)];
    return refuse(request, std::move(admission), TokenFault::missing);
  }
  auto checked = check(*token, now);
  if (const auto* fault = std::get_if<TokenFault>(&checked)) return refuse(request, std::move(admission), *fault);
  admission.grant = std::move(std::get<GrantPtr>(checked));
  if (admission.device && !admission.grant->permissions.allows(*admission.device))
    return forbid(request, std::move(admission), Forbidden::device, "The token does not name this device.");
  return admission;
}

std::variant<GrantPtr, TokenFault> Gate::check(std::string_view token, const Now& now) {
  if (!asks_for_tokens()) return GrantPtr();
  ++counters_.checks;
  auto found = look_at(token, now);
  if (const auto* fault = std::get_if<TokenFault>(&found)) ++counters_.failures[static_cast<std::size_t>(*fault)];
  return found;
}

std::variant<GrantPtr, TokenFault> Gate::look_at(std::string_view token, const Now& now) {
  const TokenVerifier& verifier = *policy_->verifier;
  const bool keep = verifier.has_public_keys() && token.size() <= kMaxKnownBytes;
  const std::string digest = keep ? token_digest(token) : std::string();
  if (keep) {
    // It was good by this very policy; only time has passed.
    if (GrantPtr known = known_.find(digest)) {
      ++counters_.cached;
      if (now.wall >= known->ends) return TokenFault::expired;
      return known;
    }
  }
  auto verified = verifier.verify(token, now, checks_);
  if (const auto* fault = std::get_if<TokenFault>(&verified)) return *fault;
  auto grant = std::make_shared<const Grant>(std::move(std::get<Grant>(verified)));
  if (keep) known_.put(digest, grant);
  return grant;
}

Admission Gate::refuse(const Request& request, Admission admission, TokenFault fault) {
  if (fault == TokenFault::overloaded)
    return refused(request, std::move(admission), 503, CloseCode::try_again_later, ErrorCode::unavailable,
                   std::string(sentence(fault)));
  admission.challenge = challenge(fault);
  return refused(request, std::move(admission), 401, CloseCode::unauthorized, error_code(fault),
                 std::string(sentence(fault)));
}

Admission Gate::forbid(const Request& request, Admission admission, Forbidden what, std::string message) {
  count(what);
  return refused(request, std::move(admission), 403, CloseCode::forbidden, ErrorCode::forbidden, std::move(message));
}

}  // namespace pulsegate::access
