// What the cases have shown, as a table in Markdown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"

namespace pulsegate::test {

struct ResultRow {
  std::string scenario;
  std::size_t clients = 0;
  std::optional<Millis> detected;   // from the fault until everybody concerned was told, or it was refused
  std::optional<Millis> recovered;  // from its end until nobody lacked anything any more
  std::size_t owed = 0;             // deliveries of `metrics`: events × clients of their device
  std::size_t received = 0;
  std::size_t named = 0;  // not received, but named by a `gap`
  std::size_t lost = 0;   // neither
  std::size_t disconnects = 0;
  std::string note;  // what the clients saw beside that, and figures of the case
};

// Thread: one.
class ResultsTable {
 public:
  static ResultsTable& of_this_run();

  void add(ResultRow row) { rows_.push_back(std::move(row)); }
  // To stdout, and into the file $PULSEGATE_CHAOS_TABLE if that is set.
  void print() const;

 private:
  std::vector<ResultRow> rows_;
};

// "0.42 s"
std::string seconds(Millis time);

}  // namespace pulsegate::test
