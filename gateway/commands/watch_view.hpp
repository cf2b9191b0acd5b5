// Messages of the server as lines for people. Pure: text in, text out.
#pragma once

#include <string>
#include <vector>

#include "proto/server_message.hpp"

namespace pulsegate::commands {

// Thread: one.
class WatchView {
 public:
  // `colour`: with escape sequences, for a terminal.
  explicit WatchView(bool colour) : colour_(colour) {}

  // One or more lines, each with its newline. Times are UTC. Text of the server cannot drive the terminal.
  std::string render(const proto::ServerMessage& message) const;

 private:
  std::string paint(const char* colour, const std::string& text) const;
  std::string metrics(const proto::ServerMessage& message) const;
  std::string history(const proto::ServerMessage& message) const;
  std::string processes(const proto::ServerMessage& message) const;
  std::string interfaces(const proto::ServerMessage& message) const;
  std::string acknowledgement(const proto::ServerMessage& message) const;
  std::string fields(const proto::ServerMessage& message) const;
  std::string level(double percent, const std::string& text) const;

  const bool colour_;
};

// "▁▂▅█": one block per value, the newest `width` of them; from the least to the greatest value.
std::string sparkline(const std::vector<double>& values, std::size_t width = 30);
// "1.2 MiB", "512 B".
std::string show_bytes(double bytes);

}  // namespace pulsegate::commands
