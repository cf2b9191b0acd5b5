// The steps of merge_samples(), which alone may include this: rows are collected, given to events, and put in place.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "gateway/devices/sample_merge.hpp"

namespace pulsegate::devices::merging {

using proto::Timestamp;

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);
// A row stamped later than this after an event is of a later report: row lag (15 s), and clocks as far apart again.
inline constexpr std::chrono::seconds kLongestLag{30};
// How well the difference of clocks is known, where it is.
inline constexpr std::chrono::seconds kClocksAgree{2};

struct Row {
  Timestamp stamp;
  const proto::MetricValues* values;
  std::size_t owner;          // the known sample whose row this is; kNone: a row that is new to us
  std::size_t event = kNone;  // index into `events`
  bool hidden = false;        // stands where its event does, see pin()
  bool alone = false;         // no other row shows the same; only with early_rows
};

struct Event {
  std::size_t sample;       // index into `known`
  std::size_t row = kNone;  // index into `rows`
  bool alone = false;       // no other event shows the same; only with early_rows
};

// Made for one merge, and run once.
class Merge {
 public:
  explicit Merge(const MergeInput& input) : input_(input) {}

  MergeResult run();

 private:
  const Sample& sample(const Event& event) const { return input_.known[event.sample]; }

  bool same(const proto::MetricValues& a, const proto::MetricValues& b) const {
    return proto::same_values(a, b, input_.metric_mask);
  }
  bool firm(const Sample& known) const { return known.row_time && !known.provisional; }
  bool free(const Row& row) const {
    return row.owner == kNone ? row.stamp > input_.earliest_row_of_events : input_.known[row.owner].provisional;
  }
  // A row that was read before an event came is not that event's. So of what is known only earlier events may still get
  // it, which is also why points never become fewer by a merge.
  bool fits(const Event& event, const Row& row) const {
    return free(row) && (row.owner == kNone || event.sample <= row.owner) && !firm(sample(event)) &&
           same(sample(event).values, *row.values) &&
           (!input_.early_rows || near(event, row) || (!input_.clocks_known && row.alone));
  }
  // Within what lag and clocks allow.
  bool near(const Event& event, const Row& row) const {
    const Timestamp time = *sample(event).event_time;
    if (input_.early_rows) {
      const std::chrono::microseconds lag = row.stamp - input_.clock_offset - time;
      return lag <= kLongestLag && (lag.count() >= 0 || (lag >= -kClocksAgree && row.alone && event.alone));
    }
    return row.stamp <= time + kLongestLag && time <= row.stamp + kLongestLag;
  }
  // Rows are written in the order of their events, so an event whose row must be there by now will never get one.
  bool row_may_come(const Event& event) const {
    return rows_.empty() || rows_.back().stamp <= *sample(event).event_time + kLongestLag;
  }
  // Whether the event of a left-over row may have been missed just before events_[i]: before the first, and in gaps.
  bool open_before(std::size_t i) const {
    return i == 0 || (i < events_.size() ? sample(events_[i]).after_gap : input_.gap_at_end);
  }

  // sample_merge_rows.cpp
  void collect();
  void collect_tie(const std::vector<std::size_t>& owned, std::size_t first_known, std::size_t last_known,
                   std::size_t first_read, std::size_t last_read);
  void order_ties();
  void order_tie(std::size_t first, std::size_t last);
  std::size_t witness(const Row& row) const;

  // sample_merge.cpp
  void pin();
  void find_alone();
  void align_segments();
  void align_segment(std::size_t first_event, std::size_t last_event, std::size_t first_row, std::size_t last_row);

  // sample_merge_place.cpp
  std::size_t first_doubtful() const;
  struct Missed {
    std::size_t begin = kNone, end = kNone;  // of the rows
    std::size_t before = 0;                  // where they stand: before this event
  };
  Missed missed_events() const;
  MergeResult place() const;

  const MergeInput& input_;
  std::vector<Row> rows_;
  std::vector<Event> events_;
  std::vector<std::size_t> candidates_;  // scratch of align_segment()
  std::vector<std::size_t> owners_;      // scratch of collect_tie(): of each row that was read
  std::vector<char> found_;              // the same: whether each known row was read
};

}  // namespace pulsegate::devices::merging
