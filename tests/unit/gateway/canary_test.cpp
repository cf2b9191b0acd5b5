// When canaries are published, what their coming back means, and what is done where they may not be published.
#include "gateway/canary.hpp"

#include <boost/test/unit_test.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace pulsegate;
using namespace std::chrono_literals;
using bus::Published;

namespace pulsegate {
static std::ostream& operator<<(std::ostream& out, CanaryState state) {
  return out << kCanaryStateNames[static_cast<std::size_t>(state)];
}
}  // namespace pulsegate

namespace {

struct FakePublisher final : bus::Publisher {
  void publish(std::string_view topic, std::string_view payload, Done done) override {
    topics.emplace_back(topic);
    payloads.emplace_back(payload);
    pending = std::move(done);
  }
  void stop() override {}
  void answer(Published outcome, const std::string& reason = {}) {
    BOOST_REQUIRE(pending);
    std::exchange(pending, nullptr)(outcome, reason);
  }

  std::vector<std::string> topics, payloads;
  Done pending;
};

// A canary that is published every 5 s, one shard, and a clock that the case moves by ticks of 100 ms.
struct World {
  void run(std::chrono::milliseconds time, bool comes_back = true, Published outcome = Published::taken) {
    for (const SteadyTime end = now + time; now < end; now += 100ms) {
      canary.tick(now);
      if (!publisher.pending) continue;
      publisher.answer(outcome, "not now");
      if (outcome == Published::taken && comes_back && listening)
        seen = Canary::published_at(publisher.payloads.back(), now);
    }
    canary.tick(now);
  }
  CanaryState state() const { return canary.counters().state; }

  SteadyTime now{1h};
  SteadyTime seen{};
  bool listening = false;
  int listens = 0;
  FakePublisher publisher;
  Canary canary{&publisher,
                5s,
                "pulsegate:canary:1",
                {[this](bool on) {
                   listening = on;
                   ++listens;
                 },
                 [this] { return seen; }}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(canary)

BOOST_AUTO_TEST_CASE(comes_back_within_a_moment_of_the_start_and_then_flies_at_its_interval) {
  World world;
  BOOST_TEST(world.state() == CanaryState::waiting);
  BOOST_TEST(!world.canary.complaint(world.now).empty());
  world.run(500ms);
  BOOST_TEST(world.state() == CanaryState::fresh);
  BOOST_TEST(world.canary.complaint(world.now).empty());
  BOOST_TEST(world.publisher.payloads.size() == 2u);  // the first one finds out whether it may be published
  world.run(60s);
  BOOST_TEST(world.publisher.payloads.size() == 14u);
  BOOST_TEST(world.state() == CanaryState::fresh);
  BOOST_TEST(world.listens == 1);
}

BOOST_AUTO_TEST_CASE(nobody_listens_before_redis_has_taken_one) {
  World world;
  world.canary.tick(world.now);
  BOOST_TEST(world.publisher.topics.size() == 1u);
  BOOST_TEST(!world.listening);
  world.canary.tick(world.now + 10s);
  BOOST_TEST(world.publisher.topics.size() == 1u);  // one at a time
  world.publisher.answer(Published::taken);
  BOOST_TEST(world.listening);
  BOOST_TEST(world.publisher.topics[0] == "pulsegate:canary:1");
}

BOOST_AUTO_TEST_CASE(is_off_where_the_user_may_not_publish_and_stands_in_nobodys_way) {
  World world;
  world.run(10s, true, Published::refused);
  BOOST_TEST(world.state() == CanaryState::refused);
  BOOST_TEST(world.publisher.payloads.size() == 1u);
  BOOST_TEST(world.listens == 0);
  BOOST_TEST(world.canary.complaint(world.now).empty());
}

BOOST_AUTO_TEST_CASE(a_right_that_is_taken_away_ends_the_subscription_too) {
  World world;
  world.run(10s);
  BOOST_TEST(world.listening);
  world.run(6s, true, Published::refused);
  BOOST_TEST(!world.listening);
  BOOST_TEST(world.state() == CanaryState::refused);
}

BOOST_AUTO_TEST_CASE(is_late_after_three_intervals_and_fresh_again_half_a_second_after_the_bus_is_back) {
  World world;
  world.run(10s);
  world.run(10s, false);
  BOOST_TEST(world.state() == CanaryState::fresh);
  world.run(6s, false);
  BOOST_TEST(world.state() == CanaryState::late);
  const std::string complaint = world.canary.complaint(world.now);
  BOOST_TEST(complaint.find("for 20 s") != std::string::npos, complaint);
  world.run(700ms);
  BOOST_TEST(world.state() == CanaryState::fresh);
  BOOST_TEST(world.canary.complaint(world.now).empty());
}

BOOST_AUTO_TEST_CASE(while_none_comes_back_no_more_than_two_a_second_follow) {
  World world;
  world.run(1s);
  const std::size_t before = world.publisher.payloads.size();
  world.run(60s, false);
  BOOST_TEST(world.publisher.payloads.size() - before <= 121u);
  BOOST_TEST(world.publisher.payloads.size() - before > 100u);
}

BOOST_AUTO_TEST_CASE(failures_are_counted_and_tried_again) {
  World world;
  world.run(2s, true, Published::failed);
  BOOST_TEST(world.canary.counters().failures == 4u);
  BOOST_TEST(world.canary.counters().published == 0u);
  BOOST_TEST(world.state() == CanaryState::waiting);
  world.run(1s);
  BOOST_TEST(world.state() == CanaryState::fresh);
}

BOOST_AUTO_TEST_CASE(without_a_publisher_it_is_off) {
  Canary canary(nullptr, 5s, "x", {[](bool) { BOOST_ERROR("nobody is to listen"); }, [] { return SteadyTime{}; }});
  canary.tick(SteadyTime{1h});
  BOOST_TEST(canary.counters().state == CanaryState::off);
  BOOST_TEST(canary.complaint(SteadyTime{1h}).empty());
}

BOOST_AUTO_TEST_CASE(only_what_can_be_a_canary_of_ours_counts) {
  const SteadyTime now{1h};
  BOOST_TEST((Canary::published_at(Canary::payload(now), now) == now));
  BOOST_TEST((Canary::published_at(Canary::payload(now + 1ns), now) == SteadyTime{}));
  for (const char* text : {"", "0", "-5", "12x", " 12", "99999999999999999999999"})
    BOOST_TEST((Canary::published_at(text, now) == SteadyTime{}), text);
}

BOOST_AUTO_TEST_SUITE_END()
