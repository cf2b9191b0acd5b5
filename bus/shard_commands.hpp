// Commands of sharded pub/sub on one connection that are not answered yet. Redis answers those of classic pub/sub for
// sure; a SSUBSCRIBE may be refused as a whole (MOVED), and a subscription may end unasked (its slot has left the
// node). Which of it has happened only the order tells. Pure.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::bus {

// Thread: one at a time.
// Owner: one RedisSubscriber.
// 1. It holds what a SubscriptionTracker has in flight, so its bound is that one's.
class ShardCommands {
 public:
  struct Command {
    bool subscribe = true;
    std::vector<std::string> topics;  // of one slot
    std::size_t answered = 0;
  };

  // Appends a command for each slot that `topics` are in.
  void send(bool subscribe, const std::vector<std::string>& topics, std::string& out);
  // False: this is not the answer that is due.
  bool answered(bool subscribe, std::string_view topic);
  // An error reply: takes the command that it answers. nullopt: none can be meant.
  std::optional<Command> refused();
  void clear() { sent_.clear(); }

 private:
  std::deque<Command> sent_;  // oldest first
};

// Does this error reply say that another node has the slot, or that nobody has it just now?
bool is_redirect(std::string_view error) noexcept;

}  // namespace pulsegate::bus
