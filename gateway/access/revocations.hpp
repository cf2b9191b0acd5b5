// Tokens and subjects that the operator has taken back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "gateway/access/identity.hpp"

namespace pulsegate::access {

// Thread: immutable once parsed.
class Revocations {
 public:
  // One entry a line: "jti:<token id>", "sub:<subject>", or either without saying which. Blanks around it are dropped;
  // empty lines and those that begin with '#' are comments. nullopt: more than kMaxEntries, or a line of more than
  // 256 bytes, which can be no list of ours.
  static std::optional<Revocations> parse(std::string_view text);

  bool contains(const Identity& identity) const;
  std::size_t size() const noexcept { return entries_.size(); }

  static constexpr std::size_t kMaxEntries = 1'000'000;

 private:
  std::unordered_set<std::string> entries_;
};

}  // namespace pulsegate::access
