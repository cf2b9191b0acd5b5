// What every SnapshotSource promises, as one suite for the fake and for the real adapter: so that what is tested with
// the fake holds for PostgreSQL.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/fake_snapshot_source.hpp"

namespace pulsegate::test {

// A source and the means to hold its reads back. `device` must have at least 3 rows of metrics.
struct ContractSubject {
  storage::SnapshotSource& source;
  proto::DeviceId device;
  std::function<void()> hold;     // reads that are asked from now on do not end …
  std::function<void()> release;  // … before this
};

// Collects answers that came through a TaskQueue. Thread: one at a time.
class Answers {
 public:
  storage::Executor executor() { return queue_.executor(); }
  storage::SnapshotCallback callback() {
    return [this](storage::SnapshotResult result) { results_.push_back(std::move(result)); };
  }
  void ask(storage::SnapshotSource& source, const storage::SnapshotRequest& request) {
    source.read(request, executor(), callback());
  }
  // Whether `count` answers have come in time.
  bool wait(std::size_t count) {
    return eventually([&] {
      queue_.run();
      return results_.size() >= count;
    });
  }
  // What is in the queue runs now. Returns the number of all answers so far.
  std::size_t settle() {
    queue_.run();
    return results_.size();
  }
  const storage::SnapshotResult& operator[](std::size_t i) const { return results_.at(i); }

 private:
  TaskQueue queue_;
  std::vector<storage::SnapshotResult> results_;
};

inline void answers_come_once_and_through_the_executor(const ContractSubject& subject) {
  Answers answers;
  for (int i = 0; i < 10; ++i) answers.ask(subject.source, {subject.device, 30, storage::ReadReason::first});
  subject.release();
  BOOST_REQUIRE(answers.wait(10));
  BOOST_TEST(answers.settle() == 10u);
  for (std::size_t i = 0; i < 10; ++i) {
    BOOST_TEST((answers[i].error == storage::SnapshotError::none), answers[i].detail);
    BOOST_TEST(static_cast<bool>(answers[i].snapshot));
  }
}

inline void nothing_is_answered_before_read_returns(const ContractSubject& subject) {
  TaskQueue queue;
  bool returned = false, early = false, answered = false;
  subject.source.read({subject.device, 30, storage::ReadReason::first}, queue.executor(), [&](const auto&) {
    early = !returned;
    answered = true;
  });
  returned = true;
  subject.release();
  BOOST_TEST(eventually([&] { return queue.run(), answered; }));
  BOOST_TEST(!early);
}

inline void rows_are_oldest_first_and_no_more_than_asked(const ContractSubject& subject) {
  Answers answers;
  answers.ask(subject.source, {subject.device, 30, storage::ReadReason::first});
  answers.ask(subject.source, {subject.device, 2, storage::ReadReason::first});
  subject.release();
  BOOST_REQUIRE(answers.wait(2));
  // Two threads may answer in either order.
  const bool swapped = answers[0].snapshot->metrics.size() < answers[1].snapshot->metrics.size();
  const auto& all = answers[swapped ? 1 : 0].snapshot->metrics;
  const auto& two = answers[swapped ? 0 : 1].snapshot->metrics;
  BOOST_TEST(all.size() >= 3u);
  BOOST_REQUIRE_EQUAL(two.size(), 2u);
  const auto older = [](const auto& a, const auto& b) { return a.recorded_at < b.recorded_at; };
  BOOST_TEST(std::is_sorted(all.begin(), all.end(), older));
  BOOST_TEST((two.back().recorded_at == all.back().recorded_at));  // the newest ones
}

inline void reads_are_counted_by_reason(const ContractSubject& subject) {
  Answers answers;
  const storage::SourceCounters before = subject.source.counters();
  for (const auto reason : {storage::ReadReason::repair, storage::ReadReason::reread}) {
    answers.ask(subject.source, {subject.device, 30, reason});
    subject.release();
    BOOST_REQUIRE(answers.wait(reason == storage::ReadReason::repair ? 1 : 2));
  }
  const storage::SourceCounters after = subject.source.counters();
  for (std::size_t i = 0; i < storage::kReadReasons; ++i) {
    const auto reason = static_cast<storage::ReadReason>(i);
    const bool asked = reason == storage::ReadReason::repair || reason == storage::ReadReason::reread;
    BOOST_TEST(after.reads[i] - before.reads[i] == (asked ? 1u : 0u), storage::name(reason));
  }
}

// The last case on a source: it is stopped.
inline void stop_answers_everybody(const ContractSubject& subject) {
  Answers answers;
  subject.hold();
  for (int i = 0; i < 20; ++i) answers.ask(subject.source, {subject.device, 30, storage::ReadReason::first});
  subject.source.stop();
  BOOST_TEST(answers.settle() == 20u);  // at once: nothing is outstanding when stop() has returned
  for (std::size_t i = 0; i < answers.settle(); ++i)
    BOOST_TEST((answers[i].error == storage::SnapshotError::unavailable), storage::name(answers[i].error));
  subject.source.stop();
  answers.ask(subject.source, {subject.device, 30, storage::ReadReason::first});
  BOOST_TEST(answers.settle() == 21u);
  BOOST_TEST((answers[20].error == storage::SnapshotError::unavailable));
  BOOST_TEST(subject.source.counters().errors[static_cast<std::size_t>(storage::SnapshotError::unavailable)] > 0u);
  subject.release();
}

// Runs the whole suite, each case on a source of its own: `with_subject(body)` makes one and calls body(subject).
template <typename WithSubject>
void check_snapshot_source_contract(WithSubject&& with_subject) {
  with_subject(answers_come_once_and_through_the_executor);
  with_subject(nothing_is_answered_before_read_returns);
  with_subject(rows_are_oldest_first_and_no_more_than_asked);
  with_subject(reads_are_counted_by_reason);
  with_subject(stop_answers_everybody);
}

}  // namespace pulsegate::test
