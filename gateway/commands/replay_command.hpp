// What `pulsegate watch` sends to see the past again.
#pragma once

#include <string>
#include <vector>

namespace pulsegate::commands {

struct ReplayWish {
  std::string from;   // ISO 8601, or milliseconds since 1970; empty: no replay
  std::string to;     // the same; empty: until now
  std::string speed;  // 0.1 to 1000, or "max"; empty: 1
};

// One sentence without a subject ("must be …"), or nothing: as an option is checked.
std::string check_replay_time(const std::string& text);
std::string check_replay_speed(const std::string& text);

// {"type":"replay",…}. `channels`: of the terminal; those that cannot be replayed are left out, and where none is left
// it is `metrics`. Requires: what the checks find nothing wrong with.
std::string replay_command(const ReplayWish& wish, const std::vector<std::string>& channels);

}  // namespace pulsegate::commands
