// How many connections somebody has at the same time, up to a limit.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pulsegate::access {

// Thread: any. A mutex, since connections of one client may live on any shard; it is taken when a connection comes and
// when it goes, never while it is there. Bounds: one entry for each name that has a place, so never more than
// connections.
class Tally {
  using Counts = std::unordered_map<std::string, std::size_t>;

 public:
  // What one connection holds until it is gone. Thread: any; the object itself is not synchronised. The tally must
  // outlive it.
  class Place {
   public:
    Place() = default;  // holds nothing
    Place(Place&& other) noexcept : tally_(std::exchange(other.tally_, nullptr)), entry_(other.entry_) {}
    Place& operator=(Place&& other) noexcept {
      if (this != &other) {
        release();
        tally_ = std::exchange(other.tally_, nullptr);
        entry_ = other.entry_;
      }
      return *this;
    }
    ~Place() { release(); }

    explicit operator bool() const noexcept { return tally_ != nullptr; }
    void release() noexcept {
      if (Tally* const tally = std::exchange(tally_, nullptr)) tally->leave(*entry_);
    }

   private:
    friend class Tally;
    Place(Tally* tally, Counts::value_type* entry) noexcept : tally_(tally), entry_(entry) {}

    Tally* tally_ = nullptr;
    Counts::value_type* entry_ = nullptr;  // stays where it is as long as it has a place
  };

  // An empty place where `name` has `limit` of them already. Requires: limit > 0.
  Place take(std::string_view name, std::size_t limit) {
    const std::lock_guard lock(mutex_);
    Counts::value_type& entry = *counts_.try_emplace(std::string(name), 0).first;
    if (entry.second >= limit) return {};
    ++entry.second;
    return {this, &entry};
  }

  // Names that have a place.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void leave(Counts::value_type& entry) noexcept {
    const std::lock_guard lock(mutex_);
    if (--entry.second == 0) counts_.erase(counts_.find(entry.first));
  }

  mutable std::mutex mutex_;
  Counts counts_;
};

}  // namespace pulsegate::access
