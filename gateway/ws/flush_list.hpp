// The connections that have something to send, each once, in the order in which they came, written in slices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "gateway/ws/connection.hpp"

namespace pulsegate::ws {

// Thread: the shard. Owner: the endpoint.
class FlushList {
 public:
  // `mark`: where a connection notes that it stands in this list.
  explicit FlushList(bool Connection::*mark) noexcept : mark_(mark) {}

  bool empty() const noexcept { return waiting_.empty() && writing_.empty(); }

  // A pass has begun and not ended.
  bool in_pass() const noexcept { return !writing_.empty(); }

  // Requires: not marked.
  void add(Connection& connection) {
    waiting_.push_back(&connection);
    connection.*mark_ = true;
  }

  void remove(Connection& connection) noexcept {
    if (!(connection.*mark_)) return;
    std::replace(waiting_.begin(), waiting_.end(), &connection, static_cast<Connection*>(nullptr));
    std::replace(writing_.begin(), writing_.end(), &connection, static_cast<Connection*>(nullptr));
    connection.*mark_ = false;
  }

  // Writes the next slice; true when that ends a pass. What is added meanwhile belongs to the next pass, so that a
  // session that answers every write cannot keep the others waiting. Requires: not called from inside itself.
  bool write_slice(SteadyTime now) {
    if (writing_.empty()) writing_.swap(waiting_);
    const std::size_t end = std::min(writing_.size(), next_ + std::max(kSlice, writing_.size() / kSlices));
    while (next_ < end) {
      Connection* const connection = writing_[next_++];
      if (connection == nullptr) continue;
      connection->*mark_ = false;
      connection->flush(now);
    }
    if (next_ < writing_.size()) return false;
    writing_.clear();
    next_ = 0;
    return true;
  }

 private:
  // A slice takes a few milliseconds at most, and yet a list of any length is through after a few of them.
  static constexpr std::size_t kSlice = 256;
  static constexpr std::size_t kSlices = 8;

  bool Connection::*const mark_;
  std::vector<Connection*> waiting_;  // null: retired
  std::vector<Connection*> writing_;  // those that write_slice() is at; the ones before next_ are done
  std::size_t next_ = 0;
};

}  // namespace pulsegate::ws
