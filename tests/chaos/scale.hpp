// How large a run is, and whether the times that are promised count: `make chaos` is the full run, which asserts them.
// As part of `make test`, on a machine that may be busy, the same cases run with fewer clients and wide limits.
#pragma once

#include <cstdlib>
#include <string>

#include "tests/support/eventually.hpp"

namespace pulsegate::test {

struct Scale {
  bool full = false;
  std::size_t clients = 200;
  std::size_t devices = 40;
  Millis interval{300};  // between two reports of a device

  template <typename T>
  T pick(T in_full, T in_short) const {
    return full ? in_full : in_short;
  }
  // The limit of a time that is promised.
  Millis limit(Millis promised) const { return full ? promised : promised + Millis(20'000); }
};

// $PULSEGATE_CHAOS is "full", or it is the short run.
inline const Scale& scale() {
  static const Scale chosen = [] {
    const char* set = std::getenv("PULSEGATE_CHAOS");
    Scale result;
    if (set != nullptr && std::string(set) == "full") {
      result.full = true;
      result.clients = 1'000;
      result.devices = 200;
      result.interval = Millis(1'000);
    }
    return result;
  }();
  return chosen;
}

}  // namespace pulsegate::test
