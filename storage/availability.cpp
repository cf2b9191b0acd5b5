// One incident gives at most three lines: a connection is lost, the database cannot be reached, it is back.
#include "storage/availability.hpp"

#include <algorithm>

namespace pulsegate::storage {

std::size_t Availability::count(Connection state) const noexcept {
  return static_cast<std::size_t>(std::count(connections_.begin(), connections_.end(), state));
}

std::size_t Availability::established() const noexcept {
  return count(Connection::established);
}

std::optional<Availability::Line> Availability::connected(std::size_t i) {
  connections_.at(i) = Connection::established;
  const bool whole = count(Connection::lost) + count(Connection::refused) == 0;
  const bool was_down = down_;
  const bool was_short = short_;
  down_ = false;
  if (whole) incident_ = short_ = false;
  if (!ever_connected_) {
    ever_connected_ = true;
    return Line{Severity::info, "connected to the database"};
  }
  if (was_down) return Line{Severity::info, "the database can be reached again"};
  if (was_short && whole) return Line{Severity::info, "all database connections are established"};
  return std::nullopt;
}

std::optional<Availability::Line> Availability::lost(std::size_t i, const std::string& reason) {
  connections_.at(i) = Connection::lost;
  reason_ = reason;
  if (incident_) return std::nullopt;
  incident_ = true;
  return Line{Severity::warning, "a database connection was lost and will be made anew: " + reason};
}

std::optional<Availability::Line> Availability::refused(std::size_t i, const std::string& reason) {
  connections_.at(i) = Connection::refused;
  reason_ = reason;
  const std::size_t standing = established();
  if (standing == 0) {
    // While the first attempts of others are under way, one refusal says little: the server may be full, not gone.
    if (down_ || count(Connection::untried) > 0) return std::nullopt;
    down_ = incident_ = true;
    return Line{Severity::warning, "the database cannot be reached, snapshots have to wait: " + reason};
  }
  if (short_) return std::nullopt;
  short_ = true;
  return Line{Severity::warning, "only " + std::to_string(standing) + " of " + std::to_string(connections_.size()) +
                                     " database connections can be made: " + reason};
}

}  // namespace pulsegate::storage
