// Whether the database can be reached, judged from what happens to all connections together, and what is worth one line
// in the log. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pulsegate::storage {

enum class Severity : std::uint8_t { info, warning };
// Takes one line without a line break. Called from database threads, one call at a time; must not call the source.
using LogLine = std::function<void(Severity, const std::string&)>;

// Thread: one at a time (its owner locks).
class Availability {
 public:
  struct Line {
    Severity severity;
    std::string text;
  };

  explicit Availability(std::size_t connections) : connections_(connections, Connection::untried) {}

  // Each returns what to log: the first line of a change, not every consequence of it. `reason`: one line.
  std::optional<Line> connected(std::size_t i);
  std::optional<Line> lost(std::size_t i, const std::string& reason);
  std::optional<Line> refused(std::size_t i, const std::string& reason);

  // No connection stands, all were tried, and an attempt has failed: reads are answered without waiting.
  bool down() const noexcept { return down_; }
  std::size_t established() const noexcept;
  // Why the last connection was lost or refused.
  const std::string& reason() const noexcept { return reason_; }

 private:
  enum class Connection : std::uint8_t { untried, established, lost, refused };

  std::size_t count(Connection state) const noexcept;

  std::vector<Connection> connections_;
  std::string reason_;
  bool ever_connected_ = false;
  bool down_ = false;
  bool incident_ = false;  // a loss was logged, and not all connections are back
  bool short_ = false;     // "only k of n" was logged, and not all connections are back
};

}  // namespace pulsegate::storage
