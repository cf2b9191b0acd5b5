#include "results_table.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace pulsegate::test {

std::string seconds(Millis time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", static_cast<double>(time.count()) / 1000);
  return text;
}

ResultsTable& ResultsTable::of_this_run() {
  static ResultsTable table;
  return table;
}

void ResultsTable::print() const {
  if (rows_.empty()) return;
  const auto time = [](const std::optional<Millis>& value) { return value ? seconds(*value) : std::string("–"); };
  std::string text =
      "| what happens | clients | found after | mended after | events owed | received | named by `gap` | lost | "
      "disconnects | what else |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const ResultRow& row : rows_) {
    text += "| " + row.scenario + " | " + std::to_string(row.clients) + " | " + time(row.detected) + " | " +
            time(row.recovered) + " | " + std::to_string(row.owed) + " | " + std::to_string(row.received) + " | " +
            std::to_string(row.named) + " | " + std::to_string(row.lost) + " | " + std::to_string(row.disconnects) +
            " | " + row.note + " |\n";
  }
  std::cout << "\n" << text << std::flush;
  if (const char* path = std::getenv("PULSEGATE_CHAOS_TABLE")) std::ofstream(path) << text;
}

}  // namespace pulsegate::test
