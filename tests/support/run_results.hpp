// What a run has shown, for the table in tests/README.md: one line a fact, gathered by tests/results.
#pragma once

#include <string>

namespace pulsegate::test {

// Appends the fact to $PULSEGATE_RESULTS/GROUP.tsv; nothing without that variable. A later line of the same fact
// counts. `fact` and `result` hold neither tabs nor line feeds. Thread: one at a time.
void record_result(const std::string& group, const std::string& fact, const std::string& result);

}  // namespace pulsegate::test
