// See shard_commands.hpp.
#include "bus/shard_commands.hpp"

#include <map>
#include <utility>

#include "bus/resp_command.hpp"
#include "bus/slot_map.hpp"

namespace pulsegate::bus {

void ShardCommands::send(bool subscribe, const std::vector<std::string>& topics, std::string& out) {
  std::map<std::uint16_t, std::vector<std::string_view>> by_slot;
  for (const std::string& topic : topics) by_slot[slot_of(topic)].push_back(topic);
  for (auto& [slot, names] : by_slot) {
    sent_.push_back({subscribe, {names.begin(), names.end()}, 0});
    names.insert(names.begin(), subscribe ? "SSUBSCRIBE" : "SUNSUBSCRIBE");
    append_command(out, names);
  }
}

bool ShardCommands::answered(bool subscribe, std::string_view topic) {
  if (sent_.empty()) return false;
  Command& due = sent_.front();
  if (due.subscribe != subscribe || due.topics[due.answered] != topic) return false;
  if (++due.answered == due.topics.size()) sent_.pop_front();
  return true;
}

std::optional<ShardCommands::Command> ShardCommands::refused() {
  if (sent_.empty() || sent_.front().answered > 0) return std::nullopt;
  Command refused = std::move(sent_.front());
  sent_.pop_front();
  return refused;
}

bool is_redirect(std::string_view error) noexcept {
  for (const std::string_view prefix : {"MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN"})
    if (error.substr(0, prefix.size()) == prefix) return true;
  return false;
}

}  // namespace pulsegate::bus
