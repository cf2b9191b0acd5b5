// The snapshot cache: what is answered from memory, what never is, and its bounds.
#include "storage/snapshot_cache.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/single_flight.hpp"
#include "tests/support/fake_snapshot_source.hpp"
#include "tests/support/snapshot_source_contract.hpp"

using namespace pulsegate;
using namespace std::chrono_literals;
using storage::ReadReason;
using storage::SnapshotError;

namespace {

const proto::DeviceId kDevice = *proto::DeviceId::parse("11111111-2222-3333-4444-555555555555");

proto::DeviceId device(int i) {
  return *proto::DeviceId::parse(std::to_string(10'000'000 + i) + "-2222-3333-4444-555555555555");
}

storage::Snapshot rows(std::size_t count) {
  storage::Snapshot snapshot;
  snapshot.metrics.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    snapshot.metrics[i].recorded_at = proto::Timestamp(std::chrono::seconds(1000 + i));
  return snapshot;
}

struct Fixture {
  explicit Fixture(storage::SnapshotCacheConfig config = {})
      : source(std::move(owned), config, [this] { return now; }) {
    fake.answer_all_with(rows(30));
  }

  storage::SnapshotResult ask(ReadReason reason = ReadReason::first, std::size_t points = 30,
                              const proto::DeviceId& of = kDevice) {
    storage::SnapshotResult result;
    source.read({of, points, reason}, tasks.executor(),
                [&](storage::SnapshotResult answer) { result = std::move(answer); });
    BOOST_TEST(tasks.run() == 1u);
    return result;
  }
  std::size_t reads() const { return fake.requests().size(); }

  storage::SteadyTime now = storage::SteadyTime() + 1h;
  std::unique_ptr<test::FakeSnapshotSource> owned = std::make_unique<test::FakeSnapshotSource>();
  test::FakeSnapshotSource& fake = *owned;
  test::TaskQueue tasks;
  storage::SnapshotCache source;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(SnapshotCache, Fixture)

BOOST_AUTO_TEST_CASE(a_first_read_is_answered_again_for_a_second) {
  const auto one = ask();
  now += 999ms;
  const auto two = ask();
  BOOST_TEST(reads() == 1u);
  BOOST_TEST(one.snapshot.get() == two.snapshot.get());  // the same object, not a copy
  now += 1ms;
  ask();
  BOOST_TEST(reads() == 2u);
  BOOST_TEST(source.counters().cache_hits == 1u);
}

BOOST_AUTO_TEST_CASE(only_first_is_answered_from_memory) {
  ask();
  for (const auto reason :
       {ReadReason::retry, ReadReason::second_look, ReadReason::repair, ReadReason::reread, ReadReason::refresh})
    ask(reason);
  BOOST_TEST(reads() == 6u);
  BOOST_TEST(source.counters().cache_hits == 0u);
}

BOOST_AUTO_TEST_CASE(what_second_looks_found_is_not_kept) {
  for (const auto reason : {ReadReason::second_look, ReadReason::repair, ReadReason::reread, ReadReason::refresh})
    ask(reason);
  BOOST_TEST(source.counters().cache_bytes == 0u);
  ask(ReadReason::retry);
  ask(ReadReason::first);
  BOOST_TEST(source.counters().cache_hits == 1u);  // a retry is a first read that came late
}

BOOST_AUTO_TEST_CASE(errors_are_not_kept) {
  fake.answer_all_with([](const auto&) { return storage::SnapshotResult{SnapshotError::timed_out, "", nullptr}; });
  BOOST_TEST((ask().error == SnapshotError::timed_out));
  fake.answer_all_with(rows(30));
  BOOST_TEST((ask().error == SnapshotError::none));
  BOOST_TEST(reads() == 2u);
}

BOOST_AUTO_TEST_CASE(an_answer_serves_those_who_want_no_more_rows) {
  ask(ReadReason::first, 30);
  const auto fewer = ask(ReadReason::first, 10);
  BOOST_TEST(reads() == 1u);
  BOOST_REQUIRE_EQUAL(fewer.snapshot->metrics.size(), 10u);
  BOOST_TEST((fewer.snapshot->metrics.back().recorded_at == proto::Timestamp(1029s)));
  ask(ReadReason::first, 31);
  BOOST_TEST(reads() == 2u);
}

BOOST_AUTO_TEST_CASE(what_is_old_goes_at_the_next_read_of_anybody) {
  for (int i = 0; i < 10; ++i) ask(ReadReason::first, 30, device(i));
  const auto full = source.counters().cache_bytes;
  BOOST_TEST(full > 10u * 30u * sizeof(storage::MetricsRow));
  now += 2s;
  ask(ReadReason::second_look);
  BOOST_TEST(source.counters().cache_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(a_newer_answer_takes_the_place_of_an_older_one) {
  ask(ReadReason::first, 30);
  now += 600ms;
  ask(ReadReason::retry, 30);
  now += 600ms;  // the first has gone, the second has not
  ask(ReadReason::first, 30);
  BOOST_TEST(reads() == 2u);
  BOOST_TEST(source.counters().cache_hits == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_is_answered_from_memory_once_stopped) {
  ask();
  source.stop();
  BOOST_TEST((ask().error == SnapshotError::unavailable));
  BOOST_TEST(source.counters().cache_bytes == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(SnapshotCacheBounds)

BOOST_AUTO_TEST_CASE(the_oldest_go_when_the_bytes_are_used_up) {
  const std::size_t one = storage::bytes_of(rows(30)) + 1024;
  Fixture f({1000ms, 3 * one});
  for (int i = 0; i < 100; ++i) {
    f.ask(ReadReason::first, 30, device(i));
    BOOST_REQUIRE(f.source.counters().cache_bytes <= 3 * one);
  }
  f.ask(ReadReason::first, 30, device(99));
  BOOST_TEST(f.source.counters().cache_hits == 1u);
  f.ask(ReadReason::first, 30, device(0));
  BOOST_TEST(f.source.counters().cache_hits == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_larger_than_the_bound_is_not_kept) {
  Fixture f({1000ms, 1000});
  f.ask();
  f.ask();
  BOOST_TEST(f.reads() == 2u);
  BOOST_TEST(f.source.counters().cache_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(an_age_of_zero_turns_it_off) {
  Fixture f({0ms, 1 << 20});
  f.ask();
  f.ask();
  BOOST_TEST(f.reads() == 2u);
}

BOOST_AUTO_TEST_CASE(in_front_of_single_flight_it_keeps_the_contract_of_every_source) {
  test::check_snapshot_source_contract([](auto&& body) {
    auto owned = std::make_unique<test::FakeSnapshotSource>();
    test::FakeSnapshotSource& fake = *owned;
    storage::SnapshotCache source(std::make_unique<storage::SingleFlight>(std::move(owned)));
    const auto release = [&] {
      while (fake.outstanding() > 0) fake.answer(rows(5));
    };
    body(test::ContractSubject{source, kDevice, [] {}, release});
  });
}

BOOST_AUTO_TEST_SUITE_END()
