// What the fuzz targets share: how an invariant fails, and how an input is taken apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace pulsegate::fuzz {

// A broken invariant ends the run as a crash does; the fuzzer keeps the input.
inline void must_hold(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "Broken invariant: %s\n", sentence);
  std::abort();
}

// An input, taken from its front, so that corpora can be written by hand. What is missing at the end reads as zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::uint8_t byte() noexcept {
    const std::string_view one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  // At most `size` bytes.
  std::string_view take(std::size_t size) noexcept {
    const std::string_view front = rest_.substr(0, std::min(size, rest_.size()));
    rest_.remove_prefix(front.size());
    return front;
  }
  std::string_view rest() noexcept { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace pulsegate::fuzz

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
