#include "gateway/access/claims.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "proto/json_members.hpp"

namespace pulsegate::access {
namespace {

using proto::JsonMember;
using Kind = JsonMember::Kind;

constexpr double kLastSecond = 253'402'300'799;  // of the year 9999
constexpr std::size_t kMaxName = 256;            // bytes of a subject or token id, since both are logged and counted

class Judge {
 public:
  Judge(const proto::JsonMembers& claims, const TokenRules& rules) : claims_(claims), rules_(rules) {}

  std::variant<Grant, TokenFault> run(proto::Timestamp now) {
    Grant grant;
    if (!name(rules_.subject_claim, grant.identity.subject) || !name("jti", grant.identity.token_id))
      return TokenFault::claims;
    if (const auto fault = times(now, grant)) return *fault;
    if (!rules_.issuers.empty() && !one_of("iss", rules_.issuers)) return TokenFault::issuer;
    if (!rules_.audiences.empty() && !one_of("aud", rules_.audiences)) return TokenFault::audience;
    for (const auto& [claim, value] : rules_.required)
      if (!one_of(claim, {value})) return TokenFault::claims;
    if (!devices(grant.permissions) || !channels(grant.permissions) || !scope(grant.permissions))
      return TokenFault::claims;
    if (!grant.identity.subject.empty())
      grant.identity.key = "sub:" + grant.identity.subject;
    else if (!grant.identity.token_id.empty())
      grant.identity.key = "jti:" + grant.identity.token_id;
    return grant;
  }

 private:
  const JsonMember* find(std::string_view claim) const {
    const auto found = claims_.find(claim);
    return found == claims_.end() ? nullptr : &found->second;
  }

  // Some issuers number their users.
  bool name(std::string_view claim, std::string& out) const {
    const JsonMember* member = find(claim);
    if (member == nullptr) return true;
    if ((member->kind != Kind::string && member->kind != Kind::number) || member->text.size() > kMaxName) return false;
    out = member->text;
    return true;
  }

  // A NumericDate: seconds since 1970, possibly with a fraction. Anything else, a string included, is none.
  static std::optional<proto::Timestamp> date(const JsonMember& member) {
    if (member.kind != Kind::number) return std::nullopt;
    double seconds = 0;
    const char* const end = member.text.data() + member.text.size();
    const auto [stop, error] = std::from_chars(member.text.data(), end, seconds);
    if (error != std::errc() || stop != end || !(seconds >= 0 && seconds <= kLastSecond)) return std::nullopt;
    return proto::Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(std::floor(seconds * 1e6))));
  }

  std::optional<TokenFault> times(proto::Timestamp now, Grant& grant) const {
    const JsonMember* const expires = find("exp");
    const auto end = expires != nullptr ? date(*expires) : std::nullopt;
    if (!end) return TokenFault::claims;
    grant.ends = *end + rules_.leeway;
    if (now >= grant.ends) return TokenFault::expired;
    const JsonMember* const not_before = find("nbf");
    if (not_before == nullptr) return std::nullopt;
    const auto begin = date(*not_before);
    if (!begin) return TokenFault::claims;
    if (now + rules_.leeway < *begin) return TokenFault::not_yet_valid;
    return std::nullopt;
  }

  bool one_of(std::string_view claim, const std::vector<std::string>& wanted) const {
    const JsonMember* const member = find(claim);
    if (member == nullptr) return false;
    const auto is_wanted = [&wanted](const std::string& value) {
      return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    };
    switch (member->kind) {
      case Kind::string:
      case Kind::number:
      case Kind::boolean:
        return is_wanted(member->text);
      case Kind::strings:
        return std::any_of(member->items.begin(), member->items.end(), is_wanted);
      case Kind::null:
      case Kind::other:
        break;
    }
    return false;
  }

  // The claim as a list; a single string is a list of one. nullopt: of another type.
  static std::optional<std::vector<std::string>> list(const JsonMember& member) {
    if (member.kind == Kind::strings) return member.items;
    if (member.kind == Kind::string) return std::vector<std::string>{member.text};
    return std::nullopt;
  }
  static bool has_star(const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), "*") != names.end();
  }

  bool devices(Permissions& permissions) const {
    const JsonMember* const member = find(rules_.devices_claim);
    if (member == nullptr) return !rules_.require_devices;
    const auto names = list(*member);
    if (!names) return false;
    if (has_star(*names)) return true;
    permissions.devices.emplace();
    // What is no UUID is no device of ours, and grants nothing.
    for (const std::string& name : *names)
      if (const auto device = proto::DeviceId::parse(name)) permissions.devices->push_back(*device);
    return true;
  }

  bool channels(Permissions& permissions) const {
    const JsonMember* const member = find(rules_.channels_claim);
    if (member == nullptr) return true;
    auto names = list(*member);
    if (!names) return false;
    if (!has_star(*names)) permissions.channels = std::move(*names);
    return true;
  }

  bool scope(Permissions& permissions) const {
    const JsonMember* const member = find(rules_.scope_claim);
    if (member == nullptr) return true;
    const auto words = list(*member);
    if (!words) return false;
    for (const std::string& each : *words) permissions.debug = permissions.debug || has_word(each, "debug");
    return true;
  }
  static bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(' '), text.size());
      if (text.substr(0, end) == word) return true;
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
  }

  const proto::JsonMembers& claims_;
  const TokenRules& rules_;
};

}  // namespace

std::variant<Grant, TokenFault> judge_claims(std::string_view json, const TokenRules& rules, proto::Timestamp now) {
  const auto claims = proto::read_json_members(json);
  if (!claims) return TokenFault::malformed;
  return Judge(*claims, rules).run(now);
}

}  // namespace pulsegate::access
