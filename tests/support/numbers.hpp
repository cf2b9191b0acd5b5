#pragma once

#include <numeric>
#include <vector>

namespace pulsegate::test {

// `from`, `from` + 1, … `to`; empty where `to` is less.
inline std::vector<int> numbers(int from, int to) {
  std::vector<int> all(to < from ? 0 : static_cast<std::size_t>(to - from + 1));
  std::iota(all.begin(), all.end(), from);
  return all;
}

}  // namespace pulsegate::test
