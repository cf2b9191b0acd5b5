// The channels that a client can subscribe to: five built in, and any that the operator passes through verbatim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::proto {

// Values from kBuiltInChannels on are pass-through channels, in the order in which they were configured.
enum class Channel : std::uint8_t { metrics, system_info, processes, history, network_interfaces };

inline constexpr std::size_t kBuiltInChannels = 5;
inline constexpr std::size_t kMaxChannels = 32;

constexpr std::size_t index(Channel channel) noexcept {
  return static_cast<std::size_t>(channel);
}

// Whether each message is a sample of its own, so that one that is missed is missed. Of the other channels the next
// message says all there is, or the last so many samples.
constexpr bool carries_samples(Channel channel) noexcept {
  return channel == Channel::metrics || index(channel) >= kBuiltInChannels;
}

// A set of channels as a bit mask. Thread: value.
class ChannelSet {
 public:
  constexpr bool contains(Channel channel) const noexcept { return (bits_ >> index(channel)) & 1u; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr void add(Channel channel) noexcept { bits_ |= 1u << index(channel); }
  constexpr void remove(Channel channel) noexcept { bits_ &= ~(1u << index(channel)); }
  constexpr void clear() noexcept { bits_ = 0; }

  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (std::size_t i = 0; i < kMaxChannels; ++i)
      if ((bits_ >> i) & 1u) visit(static_cast<Channel>(i));
  }

  friend constexpr bool operator==(ChannelSet a, ChannelSet b) noexcept { return a.bits_ == b.bits_; }

 private:
  std::uint32_t bits_ = 0;
};

// Names of the built-in and the configured channels. Thread: immutable after construction.
class ChannelTable {
 public:
  // `pass_through`: names for `--channel`. Throws std::invalid_argument with a sentence for the operator when a name
  // is not [a-z0-9][a-z0-9-]{0,31}, is built in or reserved ("state", "broadcast"), repeats, or exceeds kMaxChannels.
  explicit ChannelTable(const std::vector<std::string>& pass_through = {});

  std::optional<Channel> find(std::string_view name) const noexcept;
  // Requires: `channel` belongs to this table.
  std::string_view name(Channel channel) const noexcept { return names_[index(channel)]; }
  std::size_t size() const noexcept { return names_.size(); }

 private:
  std::vector<std::string> names_;
};

}  // namespace pulsegate::proto
