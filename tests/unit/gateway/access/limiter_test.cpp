// Counting by address and subject, rates, and who is exempt.
#include "gateway/access/limiter.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace pulsegate;
using namespace pulsegate::access;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const SteadyTime kStart = SteadyTime{} + std::chrono::hours(1);

IpAddress ip(const std::string& text) {
  return *IpAddress::parse(text);
}

LimitRules per_address(std::size_t limit) {
  LimitRules rules;
  rules.per_address = limit;
  return rules;
}

std::uint64_t counted(const Limiter& limiter, Limit limit) {
  return limiter.counters().limited[static_cast<std::size_t>(limit)];
}

bool is(Limit found, Limit wanted) {
  return found == wanted;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(TallyTest)

BOOST_AUTO_TEST_CASE(a_place_is_held_until_it_is_released_or_destroyed) {
  Tally tally;
  Tally::Place first = tally.take("a", 2);
  {
    const Tally::Place second = tally.take("a", 2);
    BOOST_TEST(static_cast<bool>(second));
    BOOST_TEST(!tally.take("a", 2));
    BOOST_TEST(static_cast<bool>(tally.take("b", 1)));  // released at once
  }
  Tally::Place moved = std::move(first);
  BOOST_TEST(!first);
  BOOST_TEST(tally.size() == 1u);
  moved = tally.take("a", 2);  // what it held before is given back
  BOOST_TEST(static_cast<bool>(tally.take("a", 2)));
  moved.release();
  moved.release();
  BOOST_TEST(tally.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_refused_is_not_kept) {
  Tally tally;
  const Tally::Place held = tally.take("a", 1);
  for (int i = 0; i < 100; ++i) BOOST_TEST(!tally.take("a", 1));
  BOOST_TEST(tally.size() == 1u);
}

BOOST_AUTO_TEST_CASE(threads_never_hold_more_than_the_limit) {
  constexpr std::size_t kLimit = 5;
  Tally tally;
  std::atomic<std::size_t> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::vector<Tally::Place> mine;
      for (int i = 0; i < 20'000; ++i) {
        if (i % 3 == 2 || mine.size() > 3) {
          if (!mine.empty()) {
            --held;
            mine.pop_back();
          }
        } else if (Tally::Place place = tally.take("client", kLimit)) {
          const std::size_t now = ++held;
          for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          mine.push_back(std::move(place));
        }
      }
      held -= mine.size();
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(most > 0u);
  BOOST_TEST(most <= kLimit);
  BOOST_TEST(tally.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(RateTableTest)

BOOST_AUTO_TEST_CASE(a_burst_is_taken_and_then_the_rate) {
  RateTable table(2, 3);
  for (int i = 0; i < 3; ++i) BOOST_TEST(table.take("a", kStart));
  BOOST_TEST(!table.take("a", kStart));
  BOOST_TEST(table.take("b", kStart));
  BOOST_TEST(!table.take("a", kStart + milliseconds(499)));
  BOOST_TEST(table.take("a", kStart + milliseconds(500)));
  BOOST_TEST(!table.take("a", kStart + milliseconds(501)));
  for (int i = 0; i < 3; ++i) BOOST_TEST(table.take("a", kStart + seconds(60)));
  BOOST_TEST(!table.take("a", kStart + seconds(60)));
}

BOOST_AUTO_TEST_CASE(what_is_refused_is_not_charged) {
  RateTable table(1, 1);
  BOOST_TEST(table.take("a", kStart));
  for (int i = 0; i < 100; ++i) BOOST_TEST(!table.take("a", kStart));
  BOOST_TEST(table.take("a", kStart + seconds(1)));
}

BOOST_AUTO_TEST_CASE(without_a_rate_nothing_is_refused) {
  RateTable table(0, 0);
  for (int i = 0; i < 100; ++i) BOOST_TEST(table.take("a", kStart));
}

// The table has room for 8 names: of 10 000 that come after it none pushes out who has done much lately.
BOOST_AUTO_TEST_CASE(a_flood_of_names_does_not_free_the_one_that_is_too_fast) {
  RateTable table(0.001, 10, 2);
  for (int i = 0; i < 10; ++i) BOOST_TEST(table.take("attacker", kStart));
  for (int i = 0; i < 10'000; ++i) table.take("name" + std::to_string(i), kStart);
  BOOST_TEST(!table.allows("attacker", kStart));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(LimiterTest)

BOOST_AUTO_TEST_CASE(an_address_has_so_many_connections_and_no_more) {
  Limiter limiter(per_address(2));
  Tally::Place places[3];
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, places[0]), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, places[1]), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, places[2]), Limit::address));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.2"), kStart, places[2]), Limit::none));
  BOOST_TEST(limiter.counters().addresses == 2u);
  BOOST_TEST(counted(limiter, Limit::address) == 1u);
  places[0].release();
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, places[0]), Limit::none));
}

BOOST_AUTO_TEST_CASE(addresses_of_one_64_are_one) {
  Limiter limiter(per_address(1));
  Tally::Place first, second;
  BOOST_TEST(is(limiter.arrive(ip("2001:db8::1"), kStart, first), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("2001:db8::ffff"), kStart, second), Limit::address));
  BOOST_TEST(is(limiter.arrive(ip("2001:db8:0:1::1"), kStart, second), Limit::none));
}

BOOST_AUTO_TEST_CASE(proxies_and_those_whom_nobody_names_are_never_limited) {
  LimitRules rules = per_address(1);
  rules.connect_rate = rules.failure_rate = 0.01;
  rules.trusted = NetworkList({"10.0.0.0/8"});
  Limiter limiter(rules);
  std::vector<Tally::Place> places(200);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const IpAddress who = i % 2 == 0 ? ip("10.0.0.1") : IpAddress();
    limiter.fail(who, kStart);
    BOOST_TEST(is(limiter.arrive(who, kStart, places[i]), Limit::none));
  }
  BOOST_TEST(limiter.counters().addresses == 0u);
}

BOOST_AUTO_TEST_CASE(an_address_that_connects_too_fast_is_refused_and_comes_in_again_later) {
  LimitRules rules;
  rules.connect_rate = 2;  // 20 at once
  Limiter limiter(rules);
  Tally::Place place;
  for (int i = 0; i < 20; ++i) BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, place), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, place), Limit::address_rate));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.2"), kStart, place), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart + milliseconds(500), place), Limit::none));
  BOOST_TEST(counted(limiter, Limit::address_rate) == 1u);
}

BOOST_AUTO_TEST_CASE(an_address_whose_handshakes_fail_is_kept_out_until_that_is_made_up_for) {
  LimitRules rules;
  rules.failure_rate = 1;  // 10 at once
  Limiter limiter(rules);
  Tally::Place place;
  for (int i = 0; i < 9; ++i) limiter.fail(ip("192.0.2.1"), kStart);
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, place), Limit::none));
  limiter.fail(ip("192.0.2.1"), kStart);
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart, place), Limit::failures));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.2"), kStart, place), Limit::none));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart + seconds(1), place), Limit::none));
  // However many have failed, it is not for ever.
  for (int i = 0; i < 100'000; ++i) limiter.fail(ip("192.0.2.1"), kStart + seconds(1));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart + seconds(1), place), Limit::failures));
  BOOST_TEST(is(limiter.arrive(ip("192.0.2.1"), kStart + seconds(3), place), Limit::none));
}

BOOST_AUTO_TEST_CASE(a_subject_has_so_many_connections_and_no_more) {
  LimitRules rules;
  rules.per_subject = 1;
  Limiter limiter(rules);
  Tally::Place first, second;
  BOOST_TEST(is(limiter.enter("sub:alice", first), Limit::none));
  BOOST_TEST(is(limiter.enter("sub:alice", second), Limit::subject));
  BOOST_TEST(is(limiter.enter("sub:bob", second), Limit::none));
  BOOST_TEST(limiter.counters().subjects == 2u);
  BOOST_TEST(counted(limiter, Limit::subject) == 1u);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_429_or_4429_for_browsers) {
  Request request;
  request.method = "GET";
  request.upgrade = true;
  request.websocket_version = "13";
  BOOST_TEST(!limited(request, Limit::address).refuse_by_close);
  request.origin = "https://dash.example";
  for (const Limit limit : {Limit::address, Limit::address_rate, Limit::failures, Limit::subject}) {
    const Admission admission = limited(request, limit);
    BOOST_TEST(!admission.accepted);
    BOOST_TEST(admission.refuse_by_close);
    BOOST_TEST(admission.http_status == 429);
    BOOST_TEST((admission.close == proto::CloseCode::too_many_requests));
    BOOST_TEST(admission.message.back() == '.');
    const bool rate = limit == Limit::address_rate || limit == Limit::failures;
    BOOST_TEST((admission.error == (rate ? proto::ErrorCode::rate_limited : proto::ErrorCode::too_many_connections)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
