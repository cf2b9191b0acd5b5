// What every HistorySource promises, as one suite for the fake and for the real adapter.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "storage/history_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_snapshot_source.hpp"

namespace pulsegate::test {

// Rows come once a second from kHistoryBegin. Of row i: cpu_usage i % 100, memory_usage 1000 + i, memory_total 8 GiB,
// network_rx i % 7, network_tx 5, and nothing else; but for the spikes of the large device.
inline const proto::Timestamp kHistoryBegin = *proto::parse_iso8601("2026-11-20T12:00:00Z");
inline constexpr std::size_t kSmallRows = 100;
inline constexpr std::size_t kLargeRows = 120'000;       // more than a day and more than fits
inline constexpr std::size_t kSpikeRow = 54'321;         // cpu_usage 9 999
inline constexpr std::size_t kDipRow = 98'765;           // network_tx -3
inline constexpr std::size_t kRowsWithoutNetwork = 500;  // the first of the large device: network_rx is NULL

inline proto::Timestamp history_time(std::size_t row) {
  return kHistoryBegin + std::chrono::seconds(row);
}

struct HistorySubject {
  storage::HistorySource& source;
  proto::DeviceId small;
  proto::DeviceId large;
  proto::DeviceId unknown;     // no rows
  std::function<void()> hold;  // reads that are asked from now on do not end …
  std::function<void()> stop;  // … before the source is stopped
};

// Collects answers that came through a TaskQueue. Thread: one at a time.
class HistoryAnswers {
 public:
  template <typename Request>
  void ask(storage::HistorySource& source, const Request& request) {
    auto done = [this](storage::HistoryResult result) { results_.push_back(std::move(result)); };
    if constexpr (std::is_same_v<Request, storage::RangeRequest>) {
      source.read_range(request, queue_.executor(), std::move(done));
    } else {
      source.read_after(request, queue_.executor(), std::move(done));
    }
  }
  bool wait(std::size_t count) {
    return eventually([&] {
      queue_.run();
      return results_.size() >= count;
    });
  }
  std::size_t settle() {
    queue_.run();
    return results_.size();
  }
  const storage::HistoryResult& operator[](std::size_t i) const { return results_.at(i); }

 private:
  TaskQueue queue_;
  std::vector<storage::HistoryResult> results_;
};

// Asks and waits; the read must succeed.
template <typename Request>
storage::History history_of(storage::HistorySource& source, const Request& request) {
  HistoryAnswers answers;
  answers.ask(source, request);
  BOOST_REQUIRE(answers.wait(1));
  BOOST_REQUIRE_MESSAGE(answers[0].error == storage::SnapshotError::none, answers[0].detail);
  BOOST_REQUIRE(answers[0].history);
  return *answers[0].history;
}

inline bool oldest_first(const std::vector<storage::MetricsRow>& rows) {
  return std::is_sorted(rows.begin(), rows.end(),
                        [](const auto& a, const auto& b) { return a.recorded_at < b.recorded_at; });
}

inline void a_range_begins_with_from_and_ends_before_to(const HistorySubject& subject) {
  const auto rows =
      history_of(subject.source, storage::RangeRequest{subject.small, history_time(10), history_time(20), 30}).rows;
  BOOST_REQUIRE_EQUAL(rows.size(), 10u);
  BOOST_TEST((rows.front().recorded_at == history_time(10)));
  BOOST_TEST((rows.back().recorded_at == history_time(19)));
  BOOST_TEST(oldest_first(rows));
}

inline void a_range_has_the_charted_columns_and_all_rows_however_few_points(const HistorySubject& subject) {
  const auto history =
      history_of(subject.source, storage::RangeRequest{subject.small, history_time(0), history_time(1000), 3});
  BOOST_TEST(!history.reduced);
  BOOST_TEST(!history.more);
  BOOST_REQUIRE_EQUAL(history.rows.size(), kSmallRows);
  BOOST_TEST(history.metric_mask == 0b11001101);
  const proto::MetricValues& values = history.rows[42].values;
  BOOST_TEST(values[proto::Metric::cpu_usage].value == 42.0);
  BOOST_TEST(values[proto::Metric::memory_usage].value == 1042.0);
  BOOST_TEST(values[proto::Metric::memory_total].value == 8'589'934'592.0);
  BOOST_TEST(values[proto::Metric::network_rx].value == 0.0);
  BOOST_TEST(values[proto::Metric::network_tx].value == 5.0);
  BOOST_TEST(!values[proto::Metric::cpu_temp].present);
}

inline void nothing_there_is_an_empty_answer(const HistorySubject& subject) {
  using storage::RangeRequest;
  const auto empty = [&](const RangeRequest& request) { return history_of(subject.source, request).rows.empty(); };
  BOOST_TEST(empty({subject.unknown, history_time(0), history_time(100), 30}));
  BOOST_TEST(empty({subject.small, history_time(200), history_time(300), 30}));
  BOOST_TEST(empty({subject.small, history_time(10), history_time(10), 30}));
  BOOST_TEST(empty({subject.small, history_time(20), history_time(10), 30}));
  const auto after = history_of(subject.source, storage::AfterRequest{subject.unknown, history_time(0), 30});
  BOOST_TEST(after.rows.empty());
  BOOST_TEST(!after.more);
}

inline void a_large_range_keeps_every_extreme(const HistorySubject& subject) {
  for (const std::size_t points : {50u, 1000u, 2000u}) {
    const auto history = history_of(
        subject.source, storage::RangeRequest{subject.large, history_time(0), history_time(kLargeRows), points});
    const auto& rows = history.rows;
    BOOST_TEST(history.reduced);
    BOOST_TEST(rows.size() >= points);
    BOOST_TEST(rows.size() <= storage::kExtremesPerBucket * points);
    BOOST_TEST(oldest_first(rows));
    const auto has = [&](std::size_t row, proto::Metric metric, double value) {
      return std::any_of(rows.begin(), rows.end(), [&](const storage::MetricsRow& r) {
        return r.recorded_at == history_time(row) && r.values[metric].value == value &&
               r.values[proto::Metric::memory_usage].value == static_cast<double>(1000 + row);  // whole rows
      });
    };
    BOOST_TEST(has(kSpikeRow, proto::Metric::cpu_usage, 9999));
    BOOST_TEST(has(kDipRow, proto::Metric::network_tx, -3));
    BOOST_TEST(has(0, proto::Metric::cpu_usage, 0));  // the ends, where memory is least and greatest
    BOOST_TEST(has(kLargeRows - 1, proto::Metric::cpu_usage, 99));
    const auto same = [](const auto& a, const auto& b) { return a.recorded_at == b.recorded_at; };
    BOOST_TEST((std::adjacent_find(rows.begin(), rows.end(), same) == rows.end()));  // no row twice
  }
}

inline void a_large_range_has_a_mean_for_every_bucket(const HistorySubject& subject) {
  const auto history = history_of(
      subject.source,
      storage::RangeRequest{subject.large, history_time(0), history_time(kLargeRows), 100, storage::Reduction::mean});
  BOOST_TEST(history.reduced);
  BOOST_REQUIRE_EQUAL(history.rows.size(), 100u);  // 1 200 rows each
  const auto& first = history.rows[0];
  BOOST_TEST((first.recorded_at - kHistoryBegin == std::chrono::milliseconds(599'500)));
  BOOST_TEST(first.values[proto::Metric::cpu_usage].value == 49.5);
  BOOST_TEST(first.values[proto::Metric::memory_usage].value == 1599.5);
  BOOST_TEST(first.values[proto::Metric::memory_total].value == 8'589'934'592.0);
  BOOST_TEST(first.values[proto::Metric::network_rx].value == 3.0, boost::test_tools::tolerance(0.01));
  BOOST_TEST(first.values[proto::Metric::network_tx].value == 5.0);
}

inline void a_range_of_as_many_rows_as_fit_is_whole(const HistorySubject& subject) {
  const auto most = storage::kMaxRangeRows;
  const auto whole =
      history_of(subject.source, storage::RangeRequest{subject.large, history_time(7), history_time(7 + most), 100});
  BOOST_TEST(!whole.reduced);
  BOOST_REQUIRE_EQUAL(whole.rows.size(), most);
  BOOST_TEST((whole.rows.front().recorded_at == history_time(7)));
  BOOST_TEST((whole.rows.back().recorded_at == history_time(7 + most - 1)));
  BOOST_TEST(oldest_first(whole.rows));
  const auto one_more =
      history_of(subject.source, storage::RangeRequest{subject.large, history_time(7), history_time(8 + most), 100});
  BOOST_TEST(one_more.reduced);
}

inline void rows_after_a_time_come_oldest_first_and_say_whether_there_are_more(const HistorySubject& subject) {
  const auto after = [&](std::size_t row, std::size_t points) {
    return history_of(subject.source, storage::AfterRequest{subject.small, history_time(row), points});
  };
  const auto ten = after(9, 10);
  BOOST_REQUIRE_EQUAL(ten.rows.size(), 10u);
  BOOST_TEST(ten.more);
  BOOST_TEST((ten.rows.front().recorded_at == history_time(10)));  // exclusive
  BOOST_TEST((ten.rows.back().recorded_at == history_time(19)));
  BOOST_TEST(oldest_first(ten.rows));
  const auto rest = after(89, 10);
  BOOST_TEST(rest.rows.size() == 10u);
  BOOST_TEST(!rest.more);
  BOOST_TEST(after(98, 2000).rows.size() == 1u);
  BOOST_TEST(after(99, 2000).rows.empty());
  const auto large = history_of(subject.source, storage::AfterRequest{subject.large, history_time(0), 2000});
  BOOST_TEST(large.rows.size() == 2000u);
  BOOST_TEST(large.more);
}

inline void nothing_is_answered_before_the_call_returns(const HistorySubject& subject) {
  TaskQueue queue;
  bool returned = false, early = false;
  int answered = 0;
  const auto done = [&](const storage::HistoryResult&) {
    early = early || !returned;
    ++answered;
  };
  subject.source.read_range({subject.small, history_time(0), history_time(5), 30}, queue.executor(), done);
  subject.source.read_after({subject.small, history_time(0), 30}, queue.executor(), done);
  returned = true;
  BOOST_TEST(eventually([&] { return queue.run(), answered == 2; }));
  BOOST_TEST(!early);
}

// The last case on a source: it is stopped.
inline void stopping_answers_everybody(const HistorySubject& subject) {
  HistoryAnswers answers;
  subject.hold();
  for (int i = 0; i < 5; ++i) {
    answers.ask(subject.source, storage::RangeRequest{subject.small, history_time(0), history_time(5), 30});
    answers.ask(subject.source, storage::AfterRequest{subject.small, history_time(0), 30});
  }
  subject.stop();
  BOOST_TEST(answers.settle() == 10u);
  answers.ask(subject.source, storage::AfterRequest{subject.small, history_time(0), 30});
  BOOST_TEST(answers.settle() == 11u);
  for (std::size_t i = 0; i < answers.settle(); ++i)
    BOOST_TEST((answers[i].error == storage::SnapshotError::unavailable), storage::name(answers[i].error));
}

// Runs the whole suite on one source, which is stopped at the end.
inline void check_history_source_contract(const HistorySubject& subject) {
  a_range_begins_with_from_and_ends_before_to(subject);
  a_range_has_the_charted_columns_and_all_rows_however_few_points(subject);
  nothing_there_is_an_empty_answer(subject);
  a_large_range_keeps_every_extreme(subject);
  a_large_range_has_a_mean_for_every_bucket(subject);
  a_range_of_as_many_rows_as_fit_is_whole(subject);
  rows_after_a_time_come_oldest_first_and_say_whether_there_are_more(subject);
  nothing_is_answered_before_the_call_returns(subject);
  stopping_answers_everybody(subject);
}

}  // namespace pulsegate::test
