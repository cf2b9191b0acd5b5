// In which form a member wants the `history` channel, with every default filled in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/cursor.hpp"
#include "proto/downsample.hpp"
#include "proto/history_request.hpp"

namespace pulsegate::devices {

enum class HistoryForm : std::uint8_t {
  replace,     // the whole window each time
  append,      // the window once, then new points; the window again when what was sent is not true any more
  append_only  // the window once, then newer points and nothing else: for clients that do not look at `mode`
};

// What members that share a view have in common.
struct HistoryKey {
  std::size_t points = 0;             // at most so many
  std::chrono::milliseconds span{0};  // back from now; 0: the newest points, whatever their age
  HistoryForm form = HistoryForm::replace;
  proto::Downsample downsample = proto::Downsample::lttb;  // of a span

  // What `options` ask for; unset, `append_only` decides. `default_points`: of who does not say how many.
  static HistoryKey of(const std::optional<proto::HistoryOptions>& options, bool append_only,
                       std::size_t default_points) noexcept;
  friend bool operator==(const HistoryKey& a, const HistoryKey& b) noexcept {
    return a.points == b.points && a.span == b.span && a.form == b.form && a.downsample == b.downsample;
  }
};

// What a `subscribe` to `history` says, until it is acknowledged and answered.
struct HistoryWish {
  HistoryKey key;
  std::optional<proto::Since> since;  // go on after this
  std::string id;                     // of the command, for its error; until it is acknowledged
};

}  // namespace pulsegate::devices
