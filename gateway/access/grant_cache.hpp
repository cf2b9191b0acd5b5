// Tokens that were found good a while ago, so that clients that come back cost no signature check. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/access/identity.hpp"

namespace pulsegate::access {

// Keyed by the digest of the whole token: by nothing less, or one token could stand for another.
// Thread: one. Bounds: 2 × `capacity` entries; policy: the older half goes when the newer one is full.
class GrantCache {
 public:
  explicit GrantCache(std::size_t capacity) : capacity_(capacity) {}

  // Null: not known.
  GrantPtr find(const std::string& digest) {
    if (const auto hit = young_.find(digest); hit != young_.end()) return hit->second;
    const auto hit = old_.find(digest);
    if (hit == old_.end()) return nullptr;
    GrantPtr grant = hit->second;
    put(digest, grant);
    return grant;
  }
  void put(const std::string& digest, GrantPtr grant) {
    if (young_.size() >= capacity_) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_[digest] = std::move(grant);
  }
  void clear() {
    young_.clear();
    old_.clear();
  }
  std::size_t size() const noexcept { return young_.size() + old_.size(); }

 private:
  const std::size_t capacity_;
  std::unordered_map<std::string, GrantPtr> young_, old_;
};

}  // namespace pulsegate::access
