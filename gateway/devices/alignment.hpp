// The best order-preserving pairing of two short sequences, by dynamic programming (a longest common subsequence with
// weights). Knows nothing of samples: what fits, and what a pair or a left-over is worth, the caller says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pulsegate::devices {

// The most pairs win; among those the fewest `skip_penalty` of right items left over; then the greatest sum of `bonus`.
// Sound up to 2^14 items a side; memory is one byte a cell while it runs.
//   fits(left, right)  -> bool
//   bonus(left, right) -> 0 to 2^16: how likely a pair is
//   skip_penalty(left) -> bool: a right item is left over with `left` items of the left side before it
//   paired(left, right): called for each pair, last pair first
// Of equal pairings the one is taken that leaves the latest left items and the earliest right items over.
template <class Fits, class Bonus, class SkipPenalty, class Paired>
void align(std::size_t lefts, std::size_t rights, Fits fits, Bonus bonus, SkipPenalty skip_penalty, Paired paired) {
  constexpr std::int64_t kPair = std::int64_t{1} << 46;
  constexpr std::int64_t kPenalty = std::int64_t{1} << 31;
  constexpr std::uint8_t kSkipLeft = 1;
  constexpr std::uint8_t kTakePair = 2;

  const std::size_t width = rights + 1;
  std::vector<std::uint8_t> steps((lefts + 1) * width);
  std::vector<std::int64_t> above(width);
  std::vector<std::int64_t> here(width);
  for (std::size_t l = 0; l <= lefts; ++l) {
    const std::int64_t skip = skip_penalty(l) ? kPenalty : 0;
    for (std::size_t r = 0; r <= rights; ++r) {
      // Nothing lies before the corner; every other cell is reached from at least one side.
      std::int64_t best = l == 0 && r == 0 ? 0 : l == 0 ? here[r - 1] - skip : above[r];
      std::uint8_t step = l == 0 ? 0 : kSkipLeft;
      if (l > 0 && r > 0) {
        const std::int64_t pair = fits(l - 1, r - 1) ? above[r - 1] + kPair + bonus(l - 1, r - 1) : best - 1;
        if (pair >= best) {
          step = static_cast<std::uint8_t>(pair > best ? kTakePair : step | kTakePair);
          best = pair;
        }
        if (here[r - 1] - skip > best) {
          step = 0;
          best = here[r - 1] - skip;
        }
      }
      here[r] = best;
      steps[l * width + r] = step;
    }
    above.swap(here);
  }
  std::size_t l = lefts;
  std::size_t r = rights;
  while (l > 0 && r > 0) {
    const std::uint8_t step = steps[l * width + r];
    if ((step & kSkipLeft) != 0) {
      --l;
    } else if ((step & kTakePair) != 0) {
      paired(--l, --r);
    } else {
      --r;
    }
  }
}

}  // namespace pulsegate::devices
