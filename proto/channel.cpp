// The table of channel names: the built-in ones first, then the operator's.
#include "proto/channel.hpp"

#include <algorithm>
#include <stdexcept>

namespace pulsegate::proto {
namespace {

constexpr std::size_t kMaxNameSize = 32;

bool is_well_formed(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxNameSize || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

ChannelTable::ChannelTable(const std::vector<std::string>& pass_through)
    : names_{"metrics", "system-info", "processes", "history", "network-interfaces"} {
  for (const std::string& name : pass_through) {
    if (!is_well_formed(name))
      throw std::invalid_argument("The channel \"" + name +
                                  "\" must be 1 to 32 of a-z, 0-9 and '-', and must not start with '-'.");
    // These two end Redis channel names that mean something else already.
    if (name == "state" || name == "broadcast")
      throw std::invalid_argument("The channel name \"" + name + "\" is reserved; choose another one.");
    if (const auto existing = find(name))
      throw std::invalid_argument(
          "The channel \"" + name + "\" " +
          (index(*existing) < kBuiltInChannels ? "is built in; leave it out." : "is named twice; leave one out."));
    if (names_.size() == kMaxChannels)
      throw std::invalid_argument("At most " + std::to_string(kMaxChannels - kBuiltInChannels) +
                                  " channels can be passed through; leave \"" + name + "\" out.");
    names_.push_back(name);
  }
}

std::optional<Channel> ChannelTable::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return static_cast<Channel>(i);
  return std::nullopt;
}

}  // namespace pulsegate::proto
