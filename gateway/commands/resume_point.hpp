// Where a client stands, and what it says when it comes back so that it misses nothing. Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/server_message.hpp"

namespace pulsegate::commands {

// Of one connection after another to the same device. Thread: one.
class ResumePoint {
 public:
  // Requires: in the order in which the messages came. False: the server does not take the point that it was given, so
  // it is forgotten, and nothing was subscribed: subscribe again.
  bool saw(const proto::ServerMessage& message);

  // {"type":"subscribe","channels":[…],"since":"…"}; without `since` before the first message that has a cursor.
  std::string subscribe(const std::vector<std::string>& channels) const;

 private:
  // Messages of `metrics` are samples, each of which can be missed; a `history` holds what came before. And it may be
  // ahead of them, so its cursor counts only where there is no other.
  std::string metrics_;
  std::string history_;
};

}  // namespace pulsegate::commands
