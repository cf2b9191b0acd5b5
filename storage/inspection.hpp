// What `pulsegate doctor` wants to know of a database beside whether the statements work: facts that only its catalogue
// and its planner tell. Blocking; for the command line only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "storage/named_sql.hpp"

namespace pulsegate::storage {

struct DatabaseFacts {
  std::string fault;    // one sentence: it cannot be reached, or a question failed; the fields below may be empty then
  std::string version;  // "15.18 (Debian 15.18-0+deb12u1)"
  bool superuser = false;
  // Database time minus ours, by a round trip.
  std::chrono::microseconds clock_offset{0};
  std::chrono::microseconds round_trip{0};
  int max_connections = 0;
  // Tables that the statement of the newest rows would read from the first row to the last, even where the planner is
  // asked not to: there is no index for it. Partitions by their own names.
  std::vector<std::string> scanned;
};

// `connection`: see connection_string.hpp. Never throws but for want of memory. Waits for `timeout` and then some.
DatabaseFacts inspect_database(const std::string& connection, const SqlSet& statements, std::chrono::seconds timeout);

// The tables of "Seq Scan on NAME …" in a plan as EXPLAIN prints it. Pure.
std::vector<std::string> scanned_tables(const std::vector<std::string>& plan);

}  // namespace pulsegate::storage
