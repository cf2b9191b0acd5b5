// Which node of a Redis Cluster holds which of its 16 384 slots, as one node tells it. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/redis_value.hpp"
#include "bus/url_text.hpp"

namespace pulsegate::bus {

inline constexpr std::size_t kSlots = 16'384;

// The slot of a key or of a sharded channel: CRC16 of it, or of what stands between its first '{' and the next '}'
// unless that is empty (Redis Cluster specification).
std::uint16_t slot_of(std::string_view key) noexcept;

// Thread: any (a value).
// Owner: whoever holds it.
class SlotMap {
 public:
  static constexpr std::size_t kMaxNodes = 1'000;

  // Reads the answers to CLUSTER SLOTS and CLUSTER INFO. `asked`: who has answered; nodes without an address of their
  // own have its. Empty, or one sentence why it cannot be read.
  std::string read(const RedisValue& slots, const RedisValue& info, const RedisAddress& asked);

  // nullptr: nobody holds the slot.
  const RedisAddress* owner(std::uint16_t slot) const noexcept {
    return owners_[slot] == 0 ? nullptr : &nodes_[owners_[slot] - 1U];
  }
  void set_owner(std::uint16_t slot, const RedisAddress& node);
  bool has(const RedisAddress& node) const noexcept { return index_of(node) < nodes_.size(); }

  // Masters that hold slots, and their replicas.
  const std::vector<RedisAddress>& nodes() const noexcept { return nodes_; }
  bool empty() const noexcept { return nodes_.empty(); }
  // Whoever has answered sees most of the masters, and all slots are held where that is required.
  bool ok() const noexcept { return ok_; }
  // Grows with each failover and each slot that moves.
  std::int64_t epoch() const noexcept { return epoch_; }
  bool same_owners(const SlotMap& other) const noexcept;

 private:
  std::size_t index_of(const RedisAddress& node) const noexcept;
  std::uint16_t add(const RedisAddress& node);  // 0: there are too many

  std::vector<RedisAddress> nodes_;
  std::array<std::uint16_t, kSlots> owners_{};  // index into nodes_ plus 1; 0: nobody
  bool ok_ = false;
  std::int64_t epoch_ = 0;
};

// What a node says instead of an answer: "MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381". Without a host it
// means its own, `from`. nullopt: it is neither.
struct Redirect {
  bool ask = false;
  RedisAddress to;
};
std::optional<Redirect> parse_redirect(std::string_view error, const RedisAddress& from);

}  // namespace pulsegate::bus
