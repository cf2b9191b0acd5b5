// Every small case of the merge, twice in a row as a first snapshot and a second look do it, against an oracle that
// tries all order-preserving pairings.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <tuple>

#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::merge_samples;
using devices::MergeResult;
using Rows = std::vector<storage::MetricsRow>;
using Samples = std::vector<Sample>;

namespace {

constexpr std::chrono::seconds kLongestLag{30};

// As good as a pairing can be: pairs, rows left over where no event can have been missed (negative), likely pairs.
using Score = std::tuple<int, int, int, int>;

struct Case {
  Samples events;  // as published
  Rows rows;       // of unseen reports and of the events, in the order of insertion
  Timestamp earliest;
};

bool open_before(const Samples& events, std::size_t i) {
  return i == 0 || (i < events.size() && events[i].after_gap);
}

// Tries every way to give `rows[row...]` to `events[event...]`. `last`: events before it are done with.
class Oracle {
 public:
  Oracle(const Samples& events, const Rows& rows, Timestamp earliest)
      : events_(events), rows_(rows), earliest_(earliest) {}

  Score best() {
    best_ = Score{-1, 0, 0, 0};
    walk(0, 0, 0, Score{0, 0, 0, 0});
    return best_;
  }

 private:
  int left_over(std::size_t from, std::size_t to, int rows) const {
    for (std::size_t i = from; i <= to; ++i)
      if (open_before(events_, i)) return 0;
    return -rows;
  }

  void walk(std::size_t row, std::size_t event, int waiting, Score score) {
    auto& [pairs, misplaced, near, not_older] = score;
    if (row == rows_.size()) {
      misplaced += left_over(event, events_.size(), waiting);
      best_ = std::max(best_, score);
      return;
    }
    const storage::MetricsRow& candidate = rows_[row];
    const bool may_be_events = candidate.recorded_at > earliest_;
    walk(row + 1, event, waiting + may_be_events, score);
    if (!may_be_events) return;
    for (std::size_t e = event; e < events_.size(); ++e) {
      if (!proto::same_values(events_[e].values, candidate.values)) continue;
      const auto lag = candidate.recorded_at - *events_[e].event_time;
      const Score taken{pairs + 1, misplaced + left_over(event, e, waiting),
                        near + (lag <= kLongestLag && -lag <= kLongestLag), not_older + (lag.count() >= 0)};
      walk(row + 1, e + 1, 0, taken);
    }
  }

  const Samples& events_;
  const Rows& rows_;
  const Timestamp earliest_;
  Score best_;
};

// What the merge made of it, in the same terms. All times of a case are different.
Score score_of(const Samples& merged, const Case& tried, const Rows& read) {
  Score score{0, 0, 0, 0};
  auto& [pairs, misplaced, near, not_older] = score;
  std::size_t event = 0;
  std::size_t from = 0;
  int waiting = 0;
  const auto close_segment = [&](std::size_t to) {
    bool open = false;
    for (std::size_t i = from; i <= to; ++i) open = open || open_before(tried.events, i);
    if (!open) misplaced -= waiting;
    waiting = 0;
  };
  for (const Sample& sample : merged) {
    if (sample.event_time && sample.row_time) {
      close_segment(event);
      const auto lag = *sample.row_time - *sample.event_time;
      ++pairs;
      near += lag <= kLongestLag && -lag <= kLongestLag;
      not_older += lag.count() >= 0;
      from = event + 1;
    } else if (sample.row_time && *sample.row_time > tried.earliest) {
      ++waiting;
    }
    event += sample.event_time.has_value();
  }
  close_segment(tried.events.size());
  BOOST_REQUIRE_EQUAL(merged.size() + static_cast<std::size_t>(pairs), tried.events.size() + read.size());
  return score;
}

// Every event and every row once, in their orders, and paired only with their like.
void check_whole(const Samples& merged, const Samples& events, const Rows& rows) {
  std::size_t event = 0;
  std::size_t row = 0;
  for (const Sample& sample : merged) {
    if (sample.event_time) {
      BOOST_REQUIRE(event < events.size());
      BOOST_REQUIRE((sample.event_time == events[event].event_time));
      BOOST_REQUIRE(proto::same_values(sample.values, events[event++].values));
    }
    if (sample.row_time) {
      BOOST_REQUIRE(row < rows.size());
      BOOST_REQUIRE((*sample.row_time == rows[row].recorded_at));
      BOOST_REQUIRE(proto::same_values(sample.values, rows[row++].values));
    }
  }
  BOOST_REQUIRE_EQUAL(event, events.size());
  BOOST_REQUIRE_EQUAL(row, rows.size());
}

struct Tally {
  std::size_t cases = 0;
  std::size_t merges = 0;
};

// `visible`: bit per row, what the first look sees. In truth that is a beginning, but nothing must rest on it.
void run_case(const Case& tried, unsigned visible, bool whole_rows, Tally& tally) {
  Rows first_rows;
  for (std::size_t i = 0; i < tried.rows.size(); ++i)
    if ((visible >> i & 1u) != 0) first_rows.push_back(tried.rows[i]);
  const MergeResult first = merge_samples({tried.events, first_rows, 0xff, tried.earliest, 30, false});
  check_whole(first.samples, tried.events, first_rows);
  BOOST_REQUIRE(
      (score_of(first.samples, tried, first_rows) == Oracle(tried.events, first_rows, tried.earliest).best()));

  const MergeResult second = merge_samples({first.samples, tried.rows, 0xff, tried.earliest, 30, false});
  check_whole(second.samples, tried.events, tried.rows);
  BOOST_REQUIRE_GE(second.samples.size(), first.samples.size());
  BOOST_REQUIRE_GE(second.samples.size(), tried.rows.size());
  // Rows that came in order: after the second look each event has its row, so that every report is one point.
  if (whole_rows) BOOST_REQUIRE_EQUAL(second.samples.size(), tried.rows.size());

  const MergeResult third = merge_samples({second.samples, tried.rows, 0xff, tried.earliest, 30, false});
  BOOST_REQUIRE_EQUAL(text(third.samples), text(second.samples));
  ++tally.cases;
  tally.merges += 3;
}

// Reports a second apart, `before` of them unseen, `missed` of them lost in a gap before event number `gap` (if any).
Case make_case(int before, int events, int gap, int missed, unsigned values, double lag, double earliest) {
  Case result;
  result.earliest = at(earliest);
  double time = 0;
  const auto report = [&](bool seen, bool after_gap) {
    const int value = static_cast<int>(values & 1u);
    values >>= 1;
    time += 1;
    if (seen) result.events.push_back(event(time, value, after_gap));
    result.rows.push_back(row(time + lag, value));
  };
  for (int i = 0; i < before; ++i) report(false, false);
  for (int i = 0; i < events; ++i) {
    for (int m = 0; i == gap && m < missed; ++m) report(false, false);
    report(true, i == gap && missed > 0);
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SampleMergeExhaustive)

BOOST_AUTO_TEST_CASE(every_small_case_is_paired_as_well_as_it_can_be_and_whole_after_the_second_look) {
  Tally tally;
  for (int before = 0; before <= 3; ++before) {
    for (int events = 0; events <= 4; ++events) {
      for (int missed = 0; missed <= (events > 1 ? 1 : 0); ++missed) {
        for (int gap = 1; gap < (missed > 0 ? events : 2); ++gap) {
          const int reports = before + events + missed;
          for (unsigned values = 0; values < 1u << reports; ++values) {
            // Clocks: rows after their events, before them, or long after; all rows may be of events, or only some.
            for (const auto& [lag, earliest] : {std::pair{0.5, -1e3}, {-0.5, -1e3}, {2.5, 2.9}, {31.5, -1e3}}) {
              const Case tried = make_case(before, events, gap, missed, values, lag, earliest);
              const bool rows_allowed = earliest < 0 || before < 2;
              for (int visible = 0; visible <= reports; ++visible) {
                BOOST_TEST_CONTEXT("before " << before << " events " << events << " missed " << missed << " gap " << gap
                                             << " values " << values << " lag " << lag << " visible " << visible) {
                  run_case(tried, (1u << visible) - 1, rows_allowed && lag < 30, tally);
                }
              }
            }
          }
        }
      }
    }
  }
  BOOST_TEST_MESSAGE(tally.cases << " cases, " << tally.merges << " merges");
  BOOST_TEST(tally.cases > 1'000u);
}

BOOST_AUTO_TEST_CASE(rows_that_become_visible_in_any_order_are_paired_as_well_as_they_can_be) {
  Tally tally;
  for (int before = 0; before <= 2; ++before) {
    for (int events = 0; events <= 4; ++events) {
      const int reports = before + events;
      for (unsigned values = 0; values < 1u << reports; ++values) {
        const Case tried = make_case(before, events, 0, 0, values, 0.5, -1e3);
        for (unsigned visible = 0; visible < 1u << reports; ++visible) {
          BOOST_TEST_CONTEXT("before " << before << " events " << events << " values " << values << " visible "
                                       << visible) {
            run_case(tried, visible, false, tally);
          }
        }
      }
    }
  }
  BOOST_TEST_MESSAGE(tally.cases << " cases, " << tally.merges << " merges");
  BOOST_TEST(tally.cases > 1'000u);
}

BOOST_AUTO_TEST_SUITE_END()
