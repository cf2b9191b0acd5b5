// See recovery.hpp.
#include "gateway/devices/recovery.hpp"

#include <algorithm>

#include "gateway/devices/cursor_match.hpp"

namespace pulsegate::devices {

using Source = PastSample::Source;

Findings::Findings(const EventMemory& memory, const Past& past, const CatchUpRules& rules, proto::Timestamp confirmed)
    : memory_(memory), past_(past), rules_(rules), catch_up_(memory, past, rules) {
  too_much_ = (past.rows && past.rows->more) || past.stream_more;
  all_ = !too_much_ && catch_up_.complete(confirmed);
  stored_ = past.stream_exists || catch_up_.any_row();
  const auto live = samples().begin() + static_cast<std::ptrdiff_t>(catch_up_.live_from());
  young_ = std::any_of(samples().begin(), live, [](const PastSample& sample) { return sample.young; });
}

Finding Findings::of(const Position& position, bool overdue) const {
  Finding lost;
  lost.what = Finding::What::lost;
  const proto::Timestamp time = position.time(rules_.ahead);
  if (!reaches(position)) return overdue ? lost : Finding{};
  const auto found = catch_up_.after(position);
  if (too_much_) {
    const bool shown = found || (!samples().empty() && time <= samples().back().sample.time());
    return shown || overdue ? lost : Finding{};
  }
  // Its last sample is stored by now, if it is stored at all.
  const bool readable = past_.rows || !past_.has_table;
  const bool stored_by_now = readable && time + rules_.row_lag + kClocksApart < past_.looked;
  if (found ? !stored_ && stored_by_now : stored_by_now || overdue) return lost;
  // Without the table only what follows an entry of the stream is known to be all.
  if (!found || !catch_up_.follows_surely(*found)) return overdue ? lost : Finding{};
  Finding finding;
  finding.what = Finding::What::next;
  finding.begin = finding.end = *found;
  while (finding.end < catch_up_.live_from() && !must_wait(samples()[finding.end])) ++finding.end;
  // The event of its own last sample may not have come here yet, and is none that it lacks.
  const bool awaits_own = *found > 0 && samples()[*found - 1].young;
  finding.complete = all_ && finding.end >= catch_up_.live_from() && !awaits_own;
  return finding;
}

bool Findings::reaches(const Position& position) const {
  return position.time(rules_.ahead) >= past_.from;
}

// Its event may still come, or others may be found to stand before it.
bool Findings::must_wait(const PastSample& sample) const {
  if (sample.young) return true;
  const bool after_gap = sample.source == Source::memory && memory_[sample.index].after_gap;
  return after_gap && !all_ && !sample.sample.row_time;
}

std::optional<std::size_t> Findings::newest_row() const noexcept {
  for (std::size_t i = samples().size(); i-- > 0;)
    if (samples()[i].source == Source::row && !samples()[i].young) return i;
  return std::nullopt;
}

std::size_t Findings::live(std::size_t i) const noexcept {
  i = std::max(i, catch_up_.live_from());
  while (i < samples().size() && samples()[i].source != Source::memory) ++i;
  return i < samples().size() ? samples()[i].index : memory_.size();
}

}  // namespace pulsegate::devices
