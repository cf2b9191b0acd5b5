// Single flight: which reads share, which do not, and that everybody gets an answer of their own.
#include "storage/single_flight.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <vector>

#include "tests/support/fake_snapshot_source.hpp"

using namespace pulsegate;
using storage::ReadReason;
using storage::SnapshotError;

namespace {

const proto::DeviceId kDevice = *proto::DeviceId::parse("11111111-2222-3333-4444-555555555555");
const proto::DeviceId kOther = *proto::DeviceId::parse("66666666-2222-3333-4444-555555555555");

storage::Snapshot rows(std::size_t count) {
  storage::Snapshot snapshot;
  snapshot.metrics.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    snapshot.metrics[i].recorded_at = proto::Timestamp(std::chrono::seconds(1000 + i));
  snapshot.newest_metrics_json = "{}";
  return snapshot;
}

struct Fixture {
  // Asks, and returns the place where the answer will be.
  storage::SnapshotResult& ask(ReadReason reason, std::size_t points = 30, const proto::DeviceId& device = kDevice,
                               test::TaskQueue* queue = nullptr) {
    auto& slot = answers.emplace_back(std::make_unique<storage::SnapshotResult>());
    slot->error = SnapshotError::failed;  // until answered
    source.read({device, points, reason}, (queue != nullptr ? queue : &tasks)->executor(),
                [&result = *slot](storage::SnapshotResult answer) { result = std::move(answer); });
    return *slot;
  }
  std::uint64_t shared() const { return source.counters().shared; }

  std::unique_ptr<test::FakeSnapshotSource> owned = std::make_unique<test::FakeSnapshotSource>();
  test::FakeSnapshotSource& fake = *owned;
  test::TaskQueue tasks;
  storage::SingleFlight source{std::move(owned)};
  std::vector<std::unique_ptr<storage::SnapshotResult>> answers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(SingleFlight, Fixture)

BOOST_AUTO_TEST_CASE(a_crowd_costs_one_read) {
  for (int i = 0; i < 100; ++i) ask(ReadReason::first);
  BOOST_TEST(fake.requests().size() == 1u);
  BOOST_TEST(shared() == 99u);
  fake.answer(rows(3));
  BOOST_TEST(tasks.run() == 100u);
  for (const auto& answer : answers) {
    BOOST_TEST((answer->error == SnapshotError::none));
    BOOST_TEST(answer->snapshot.get() == answers[0]->snapshot.get());  // the same object, not a copy
  }
  BOOST_TEST(fake.requests().size() == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_is_kept_after_the_answer) {
  ask(ReadReason::first);
  fake.answer(rows(3));
  ask(ReadReason::first);
  BOOST_TEST(fake.requests().size() == 2u);
  BOOST_TEST(shared() == 0u);
}

BOOST_AUTO_TEST_CASE(devices_do_not_share) {
  ask(ReadReason::first, 30, kDevice);
  ask(ReadReason::first, 30, kOther);
  BOOST_TEST(fake.requests().size() == 2u);
}

BOOST_AUTO_TEST_CASE(each_caller_is_answered_on_its_own_executor) {
  test::TaskQueue first, second;
  auto& one = ask(ReadReason::first, 30, kDevice, &first);
  auto& two = ask(ReadReason::first, 30, kDevice, &second);
  fake.answer(rows(1));
  BOOST_TEST(second.run() == 1u);
  BOOST_TEST((two.error == SnapshotError::none));
  BOOST_TEST((one.error == SnapshotError::failed));  // not yet: its own thread has not run
  BOOST_TEST(first.run() == 1u);
  BOOST_TEST((one.error == SnapshotError::none));
}

BOOST_AUTO_TEST_CASE(retry_and_refresh_join_a_read_in_flight) {
  ask(ReadReason::second_look);
  ask(ReadReason::retry);
  ask(ReadReason::refresh);
  BOOST_TEST(fake.requests().size() == 1u);
  BOOST_TEST(shared() == 2u);
}

BOOST_AUTO_TEST_CASE(fresh_reads_do_not_join_one_that_has_begun) {
  for (const ReadReason reason : {ReadReason::second_look, ReadReason::repair, ReadReason::reread}) {
    const std::size_t before = fake.requests().size();
    ask(ReadReason::first);
    ask(reason);
    BOOST_TEST(fake.outstanding() == 1u);  // it waits
    fake.answer(rows(1));
    BOOST_REQUIRE_EQUAL(fake.outstanding(), 1u);  // and is asked once the other has ended
    BOOST_TEST((fake.outstanding_request().reason == reason));
    fake.answer(rows(2));
    tasks.run();
    BOOST_TEST(answers.back()->snapshot->metrics.size() == 2u);
    BOOST_TEST(fake.requests().size() == before + 2);
  }
  BOOST_TEST(shared() == 0u);
}

BOOST_AUTO_TEST_CASE(all_that_wait_share_the_read_that_follows) {
  ask(ReadReason::first);
  ask(ReadReason::second_look);
  ask(ReadReason::repair);
  ask(ReadReason::reread, 100);
  fake.answer(rows(1));
  BOOST_REQUIRE_EQUAL(fake.outstanding(), 1u);
  BOOST_TEST(fake.outstanding_request().points == 100u);
  fake.answer(rows(100));
  tasks.run();
  BOOST_TEST(answers[1]->snapshot->metrics.size() == 30u);
  BOOST_TEST(answers[3]->snapshot->metrics.size() == 100u);
  BOOST_TEST(fake.requests().size() == 2u);
  BOOST_TEST(shared() == 2u);
}

BOOST_AUTO_TEST_CASE(a_smaller_read_joins_a_bigger_one_and_gets_the_newest_rows) {
  ask(ReadReason::first, 100);
  auto& small = ask(ReadReason::first, 2);
  fake.answer(rows(50));
  tasks.run();
  BOOST_REQUIRE_EQUAL(small.snapshot->metrics.size(), 2u);
  BOOST_TEST((small.snapshot->metrics[1].recorded_at == answers[0]->snapshot->metrics[49].recorded_at));
  BOOST_TEST(small.snapshot->newest_metrics_json == "{}");
  BOOST_TEST(answers[0]->snapshot->metrics.size() == 50u);
}

BOOST_AUTO_TEST_CASE(a_bigger_read_does_not_join_a_smaller_one) {
  ask(ReadReason::first, 30);
  ask(ReadReason::first, 31);
  BOOST_TEST(shared() == 0u);
  fake.answer(rows(30));
  BOOST_TEST(fake.outstanding_request().points == 31u);
}

BOOST_AUTO_TEST_CASE(an_error_is_shared_and_does_not_stop_what_follows) {
  ask(ReadReason::first);
  ask(ReadReason::retry);
  ask(ReadReason::repair);
  fake.fail(SnapshotError::timed_out, "slow");
  tasks.run();
  BOOST_TEST((answers[0]->error == SnapshotError::timed_out));
  BOOST_TEST(answers[1]->detail == "slow");
  BOOST_TEST((answers[2]->error == SnapshotError::failed));  // not answered yet
  fake.answer(rows(1));
  tasks.run();
  BOOST_TEST((answers[2]->error == SnapshotError::none));
}

BOOST_AUTO_TEST_CASE(a_source_that_refuses_at_once_leaves_nothing_behind) {
  fake.answer_all_with([](const auto&) { return storage::SnapshotResult{SnapshotError::overloaded, "full", nullptr}; });
  auto& answer = ask(ReadReason::first);
  BOOST_TEST((answer.error == SnapshotError::failed));  // not before read() returned
  tasks.run();
  BOOST_TEST((answer.error == SnapshotError::overloaded));
  ask(ReadReason::second_look);
  BOOST_TEST(fake.requests().size() == 2u);
}

BOOST_AUTO_TEST_CASE(asking_again_from_an_answer_begins_a_new_read) {
  bool answered = false;
  source.read({kDevice, 30, ReadReason::first}, tasks.executor(), [&](const auto&) {
    source.read({kDevice, 30, ReadReason::retry}, tasks.executor(), [&](const auto&) { answered = true; });
  });
  fake.fail(SnapshotError::unavailable);
  tasks.run();
  BOOST_REQUIRE_EQUAL(fake.outstanding(), 1u);
  fake.answer(rows(1));
  tasks.run();
  BOOST_TEST(answered);
}

BOOST_AUTO_TEST_CASE(stop_answers_those_in_flight_and_those_that_wait) {
  ask(ReadReason::first);
  ask(ReadReason::second_look);
  source.stop();
  tasks.run();
  BOOST_TEST((answers[0]->error == SnapshotError::unavailable));
  BOOST_TEST((answers[1]->error == SnapshotError::unavailable));
  BOOST_TEST(fake.requests().size() == 1u);  // what waited was not asked any more
}

BOOST_AUTO_TEST_SUITE_END()
