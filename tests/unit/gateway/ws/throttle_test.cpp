// maxRate: how often a channel may speak, what is kept meanwhile, and that nothing is lost that must not be.
#include "gateway/ws/throttle.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "proto/message.hpp"
#include "tests/unit/gateway/devices/hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::milliseconds;

namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t kMaxHeld = 100'000;  // bytes

struct World final : ws::Throttle::Sink {
  void send(Channel, const FramePtr& frame) override { sent.emplace_back(frame->payload()); }
  bool take(const std::string& text, Channel channel = Channel::metrics) {
    return throttle->take(channel, Frame::text(text));
  }
  // Time passes; the queue is called when it has asked for it.
  void pass(milliseconds time) {
    const SteadyTime end = clock.now().steady + time;
    while (due <= end) {
      clock.advance(std::chrono::duration_cast<std::chrono::microseconds>(due - clock.now().steady));
      due = devices::kNever;
      queue.advance();
    }
    clock.advance(std::chrono::duration_cast<std::chrono::microseconds>(end - clock.now().steady));
  }
  Texts take_sent() { return std::exchange(sent, {}); }

  ManualClock clock;
  SteadyTime due = devices::kNever;
  ws::ThrottleQueue queue{clock, kMaxHeld, [this](SteadyTime at) { due = at; }};
  SessionCounters counters;
  Texts sent;
  std::unique_ptr<ws::Throttle> throttle = std::make_unique<ws::Throttle>(queue, *this, counters);
};

// Appends one point whose value is `number`.
std::string history(int number, const char* mode = "append") {
  static const proto::ClockFormat clock;
  proto::HistoryMessage message(HubFixture::device(1), clock);
  message.add(
      {proto::Timestamp(std::chrono::seconds(1'800'000'000 + number)), static_cast<double>(number), 0, 0, 0, 0});
  std::string text;
  message.append_to(text, mode);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ThrottleTest)

BOOST_AUTO_TEST_CASE(the_first_goes_at_once_and_then_the_latest_once_an_interval) {
  World w;
  w.throttle->set(Channel::metrics, 2.0);
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(w.take("m" + std::to_string(i)));
    w.pass(milliseconds(100));
  }
  // At 0 the first; at 500 ms what came at 400; at 1000 what came at 900.
  BOOST_TEST(w.take_sent() == (Texts{"m0", "m4", "m9"}), boost::test_tools::per_element());
  BOOST_TEST(w.counters.throttled == 7u);
  BOOST_TEST(w.queue.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(whoever_speaks_more_rarely_than_allowed_is_not_held_back) {
  World w;
  w.throttle->set(Channel::metrics, 2.0);
  for (int i = 0; i < 3; ++i) {
    w.take("m" + std::to_string(i));
    w.pass(milliseconds(501));
  }
  BOOST_TEST(w.take_sent() == (Texts{"m0", "m1", "m2"}), boost::test_tools::per_element());
  BOOST_TEST(w.counters.throttled == 0u);
}

BOOST_AUTO_TEST_CASE(channels_have_rates_of_their_own_or_none) {
  World w;
  w.throttle->set(Channel::metrics, 1.0);
  BOOST_TEST(!w.take("h", Channel::history));
  w.throttle->set(Channel::processes, 0.5);
  w.take("m0");
  w.take("p0", Channel::processes);
  w.take("m1");
  w.take("p1", Channel::processes);
  w.pass(milliseconds(1'000));
  BOOST_TEST(w.take_sent() == (Texts{"m0", "p0", "m1"}), boost::test_tools::per_element());
  w.pass(milliseconds(1'000));
  BOOST_TEST(w.take_sent() == Texts{"p1"}, boost::test_tools::per_element());
  w.throttle->set(Channel::metrics, std::nullopt);
  BOOST_TEST(!w.take("m2"));
  BOOST_TEST(!w.throttle->empty());
  w.throttle->remove(Channel::processes);
  BOOST_TEST(w.throttle->empty());
}

BOOST_AUTO_TEST_CASE(points_of_history_are_put_together_and_none_is_lost) {
  World w;
  w.throttle->set(Channel::history, 0.5);
  w.take(history(1), Channel::history);
  for (int i = 2; i <= 5; ++i) w.take(history(i), Channel::history);
  BOOST_TEST(w.take_sent().size() == 1u);
  w.pass(milliseconds(2'000));
  const Texts sent = w.take_sent();
  BOOST_REQUIRE(sent.size() == 1u);
  const Json message = Json::parse(sent[0]);
  BOOST_TEST(cpu_of_history(message) == (std::vector<int>{2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(message.at("mode").string() == "append");
  // A whole window is the latest value: nothing of before is left to say.
  w.take(history(6), Channel::history);
  w.take(history(7, "replace"), Channel::history);
  w.pass(milliseconds(2'000));
  const Texts window = w.take_sent();
  BOOST_REQUIRE(window.size() == 1u);
  BOOST_TEST(window[0] == history(7, "replace"));
}

BOOST_AUTO_TEST_CASE(points_beyond_what_is_held_leave_before_their_time) {
  World w;
  w.throttle->set(Channel::history, 0.01);
  constexpr int kPoints = 1'000;
  std::vector<int> expected;
  for (int i = 0; i < kPoints; ++i) {
    w.take(history(i), Channel::history);
    expected.push_back(i);
  }
  w.pass(milliseconds(100'000));
  std::vector<int> got;
  for (const std::string& text : w.sent) {
    BOOST_TEST(text.size() <= ws::Throttle::kMaxHeldHistory);
    const std::vector<int> points = cpu_of_history(Json::parse(text));
    got.insert(got.end(), points.begin(), points.end());
  }
  BOOST_TEST(got == expected, boost::test_tools::per_element());
  BOOST_TEST(w.sent.size() > 2u);
  BOOST_TEST(w.sent.size() < 20u);
}

BOOST_AUTO_TEST_CASE(a_flush_sends_what_is_held_and_a_removal_drops_it) {
  World w;
  w.throttle->set(Channel::metrics, 1.0);
  w.take("m0");
  w.take("m1");
  w.throttle->flush();
  BOOST_TEST(w.take_sent() == (Texts{"m0", "m1"}), boost::test_tools::per_element());
  w.take("m2");  // the interval begins anew with what was flushed
  w.pass(milliseconds(999));
  BOOST_TEST(w.take_sent().empty());
  w.throttle->remove(Channel::metrics);
  w.pass(milliseconds(5'000));
  BOOST_TEST(w.take_sent().empty());
  BOOST_TEST(w.queue.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(a_new_rate_sends_what_is_held_and_begins_anew) {
  World w;
  w.throttle->set(Channel::metrics, 0.1);
  w.take("m0");
  w.take("m1");
  w.throttle->set(Channel::metrics, 1.0);
  w.take("m2");
  BOOST_TEST(w.take_sent() == (Texts{"m0", "m1", "m2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_held_is_counted_until_it_leaves) {
  World w;
  const auto size_of = [](const std::string& text) { return Frame::text(text)->size(); };
  w.throttle->set(Channel::metrics, 1.0);
  w.throttle->set(Channel::history, 1.0);
  w.take("m0");
  BOOST_TEST(w.counters.throttle_held_bytes == 0u);
  w.take("m1 is longer");
  w.take("m2");
  BOOST_TEST(w.counters.throttle_held_bytes == size_of("m2"));
  w.take(history(1), Channel::history);
  w.take(history(2), Channel::history);
  const std::size_t one = w.counters.throttle_held_bytes;
  BOOST_TEST(one == size_of("m2") + size_of(history(2)));
  w.take(history(3), Channel::history);
  BOOST_TEST(w.counters.throttle_held_bytes > one);
  w.throttle->remove(Channel::history);
  BOOST_TEST(w.counters.throttle_held_bytes == size_of("m2"));
  w.pass(milliseconds(1'000));
  BOOST_TEST(w.counters.throttle_held_bytes == 0u);
  w.take("m3");
  w.throttle.reset();
  BOOST_TEST(w.counters.throttle_held_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(above_the_bound_of_all_a_message_leaves_before_its_time) {
  World w;
  std::vector<std::unique_ptr<ws::Throttle>> many;
  const std::string value(10'000, 'x');
  for (int i = 0; i < 20; ++i) {
    many.push_back(std::make_unique<ws::Throttle>(w.queue, w, w.counters));
    many.back()->set(Channel::metrics, 1.0);
    for (int message = 0; message < 3; ++message) many.back()->take(Channel::metrics, Frame::text(value));
    BOOST_TEST(w.counters.throttle_held_bytes <= kMaxHeld);
  }
  // The first of each, and what there was no room for: nothing is lost.
  BOOST_TEST(w.counters.throttle_early > 10u);
  BOOST_TEST(w.sent.size() == 20 + w.counters.throttle_early);
  w.sent.clear();
  w.pass(milliseconds(1'000));
  BOOST_TEST(w.sent.size() == 9u);
  BOOST_TEST(w.counters.throttle_held_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(one_that_goes_leaves_nothing_in_the_queue) {
  World w;
  w.throttle->set(Channel::metrics, 1.0);
  w.take("m0");
  w.take("m1");
  BOOST_TEST(w.queue.waiting() == 1u);
  w.throttle.reset();
  BOOST_TEST(w.queue.waiting() == 0u);
  w.pass(milliseconds(5'000));
  BOOST_TEST(w.take_sent() == Texts{"m0"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
