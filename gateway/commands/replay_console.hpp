// What a replay shows on a terminal, and the keys that it takes there.
#pragma once

#include <termios.h>

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "gateway/commands/record_progress.hpp"
#include "gateway/commands/replay_player.hpp"

namespace pulsegate::commands {

// Thread: that of its io_context. Owner: `replay`.
class ReplayConsole {
 public:
  // `keys`: take keys, where standard input is a terminal: space for the next event, q for the end. `over`: the replay
  // has come to its end by itself; once.
  ReplayConsole(asio::io_context& io, ReplayPlayer& player, bool keys, std::function<void()> over);
  ~ReplayConsole();
  ReplayConsole(const ReplayConsole&) = delete;
  ReplayConsole& operator=(const ReplayConsole&) = delete;

  void say(const std::string& text) { line_.say("pulsegate replay: " + text); }
  // "12 345 events".
  std::string summary() const;

 private:
  void tick();
  void read_keys();

  ReplayPlayer& player_;
  const std::function<void()> over_;
  asio::steady_timer timer_;
  StatusLine line_;
  RateMeter rate_;
  std::unique_ptr<asio::posix::stream_descriptor> keyboard_;  // null: no keys
  std::array<char, 16> keys_{};
  termios before_{};
};

}  // namespace pulsegate::commands
