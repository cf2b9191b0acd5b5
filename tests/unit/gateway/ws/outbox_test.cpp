// The queue of one session: exact accounting, conflation, overflow, stalls. A random walk checks it against a plain
// model.
#include "gateway/ws/outbox.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace pulsegate;
using namespace pulsegate::ws;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr SteadyTime kStart{seconds(1000)};

FramePtr bytes(const std::string& text) {
  return Frame::raw(text);
}

// What a socket with endless room would take, at most `limit` bytes of it.
std::string take(Outbox& outbox, std::size_t limit = std::string::npos, SteadyTime now = kStart) {
  std::array<iovec, 64> pieces;
  const std::size_t count = outbox.gather(pieces.data(), pieces.size());
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  out.resize(std::min(out.size(), limit));
  outbox.consume(out.size(), now);
  return out;
}

OutboxLimits limits(std::size_t conflate_above, std::size_t close_above) {
  OutboxLimits result;
  result.conflate_above = conflate_above;
  result.close_above = close_above;
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(OutboxTest)

BOOST_AUTO_TEST_CASE(frames_leave_in_the_order_of_push) {
  Outbox outbox{OutboxLimits{}};
  BOOST_TEST(outbox.empty());
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    BOOST_TEST((outbox.push(bytes(std::to_string(i) + ","), 1) == Outbox::Push::queued));
    expected += std::to_string(i) + ",";
  }
  BOOST_TEST(outbox.backlog() == expected.size());
  BOOST_TEST(take(outbox) == expected);
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.backlog() == 0u);
}

BOOST_AUTO_TEST_CASE(a_partial_write_goes_on_where_it_stopped) {
  Outbox outbox{OutboxLimits{}};
  outbox.push(bytes("abcdef"), 0);
  outbox.push(bytes("ghi"), 0);
  BOOST_TEST(take(outbox, 2) == "ab");
  BOOST_TEST(outbox.backlog() == 7u);
  BOOST_TEST(take(outbox, 4) == "cdef");
  BOOST_TEST(take(outbox, 1) == "g");
  BOOST_TEST(outbox.backlog() == 2u);
  BOOST_TEST(take(outbox) == "hi");
  BOOST_TEST(outbox.empty());
}

BOOST_AUTO_TEST_CASE(gather_offers_no_more_than_it_is_asked_for) {
  Outbox outbox{OutboxLimits{}};
  for (int i = 0; i < 5; ++i) outbox.push(bytes("x"), 0);
  std::array<iovec, 3> pieces;
  BOOST_TEST(outbox.gather(pieces.data(), pieces.size()) == 3u);
  outbox.consume(3, kStart);
  BOOST_TEST(outbox.gather(pieces.data(), pieces.size()) == 2u);
}

BOOST_AUTO_TEST_CASE(below_the_mark_nothing_is_conflated) {
  Outbox outbox(limits(10, 100));
  outbox.push(bytes("11111"), 1);
  BOOST_TEST((outbox.push(bytes("22222"), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 0u);
  BOOST_TEST(take(outbox) == "1111122222");
}

BOOST_AUTO_TEST_CASE(above_the_mark_only_the_latest_frame_per_key_is_kept) {
  Outbox outbox(limits(10, 100));
  outbox.push(bytes("a1--"), 1);
  outbox.push(bytes("b1--"), 2);
  BOOST_TEST((outbox.push(bytes("a2--"), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.backlog() == 8u);
  BOOST_TEST((outbox.push(bytes("b2--"), 2) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 2u);
  BOOST_TEST(take(outbox) == "a2--b2--");
}

BOOST_AUTO_TEST_CASE(crossing_the_mark_conflates_what_was_queued_before) {
  Outbox outbox(limits(10, 100));
  outbox.push(bytes("a1"), 1);
  outbox.push(bytes("b1"), 2);
  outbox.push(bytes("a2"), 1);
  outbox.push(bytes("b2"), 2);
  // The frame that crosses the mark belongs to neither, nor may it be replaced itself.
  BOOST_TEST((outbox.push(bytes("ack"), 0) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 2u);
  BOOST_TEST(take(outbox) == "a2b2ack");
}

BOOST_AUTO_TEST_CASE(tells_whose_frames_were_dropped_not_only_the_pushed_key) {
  Outbox outbox(limits(10, 100));
  outbox.push(bytes("a1--"), 1);
  outbox.push(bytes("a2--"), 1);
  outbox.push(bytes("c1"), kMaxConflationKey);
  outbox.push(bytes("b1"), 2);  // crosses the mark and drops a1
  outbox.push(bytes("c2-"), kMaxConflationKey);
  BOOST_TEST(take(outbox) == "a2--b1c2-");
  const Conflated lost = outbox.take_conflated(kStart);
  BOOST_TEST(lost.frames == 2u);
  BOOST_TEST(lost.keys.contains(1));
  BOOST_TEST(!lost.keys.contains(2));
  BOOST_TEST(lost.keys.contains(kMaxConflationKey));
  const Conflated nothing = outbox.take_conflated(kStart);
  BOOST_TEST(nothing.frames == 0u);
  BOOST_TEST(nothing.keys.empty());
}

BOOST_AUTO_TEST_CASE(made_room_for_many_devices_it_holds_more_and_knows_their_keys_apart) {
  const OutboxLimits one = limits(10, 20);
  BOOST_TEST(limits_for(one, 1).close_above == one.close_above);
  BOOST_TEST(limits_for(one, 7).close_above == one.close_above);
  BOOST_TEST(limits_for(one, 16).close_above == 3 * one.close_above);
  BOOST_TEST(limits_for(one, 16).conflate_above == 3 * one.conflate_above);
  Outbox outbox(one);
  outbox.push(bytes("a1--"), 1);
  outbox.push(bytes("a2--"), 1);
  outbox.push(bytes("a3--"), 1);  // crosses the mark
  BOOST_TEST(outbox.conflated() == 2u);
  outbox.make_room(limits_for(one, 16), 16 * kMaxConflationKey);
  constexpr ConflationKey kFar = 16 * kMaxConflationKey;
  for (const char* text : {"far-1---", "far-2---", "far-3---"}) outbox.push(bytes(text), kFar);
  BOOST_TEST(outbox.conflated() == 2u);
  outbox.push(bytes("near----"), kFar - kMaxConflationKey);
  BOOST_TEST(take(outbox) == "a3--far-3---near----");
  const Conflated lost = outbox.take_conflated(kStart);
  BOOST_TEST(lost.keys.contains(1));
  BOOST_TEST(lost.keys.contains(kFar));
  BOOST_TEST(!lost.keys.contains(kFar - kMaxConflationKey));
  BOOST_TEST(!lost.keys.contains(kFar + 1));
  // And still knows them after that.
  for (int i = 0; i < 5; ++i) outbox.push(bytes("far-4---"), kFar);
  take(outbox);
  BOOST_TEST(outbox.take_conflated(kStart).keys.contains(kFar));
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_neither_sent_nor_told_as_lost) {
  Outbox outbox(limits(10, 100));
  outbox.make_room(limits(10, 100), 3 * kMaxConflationKey);
  constexpr ConflationKey kFirst = kMaxConflationKey + 1;
  constexpr ConflationKey kLast = 2 * kMaxConflationKey;
  outbox.push(bytes("a1--"), 1);
  take(outbox, 1);  // under way
  outbox.push(bytes("b1--"), kFirst);
  outbox.push(bytes("c1--"), kLast);
  outbox.push(bytes("b2--"), kFirst);  // drops b1
  outbox.push(bytes("ack-"), 0);
  outbox.push(bytes("d1--"), kLast + 1);
  BOOST_TEST(outbox.conflated() == 1u);
  outbox.forget(kFirst, kLast);
  BOOST_TEST(outbox.backlog() == 11u);
  outbox.push(bytes("b3--"), kFirst);  // somebody else's
  BOOST_TEST(outbox.conflated() == 0u);
  BOOST_TEST(take(outbox) == "1--ack-d1--b3--");
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.take_conflated(kStart).keys.empty());
  // One that is under way stays, and what is all of it leaves an empty outbox.
  outbox.push(bytes("b4--"), kFirst);
  take(outbox, 2);
  outbox.push(bytes("b5--"), kFirst);
  outbox.forget(kFirst, kLast);
  BOOST_TEST(take(outbox) == "--");
  outbox.push(bytes("b6--"), kFirst);
  outbox.forget(kFirst, kLast);
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.backlog() == 0u);
  outbox.push(bytes("b7--"), kFirst);
  BOOST_TEST(take(outbox) == "b7--");
}

BOOST_AUTO_TEST_CASE(a_socket_that_takes_nothing_for_long_needs_no_more_room) {
  Outbox outbox(limits(1'000, 100'000));
  outbox.make_room(limits(1'000, 100'000), 8 * kMaxConflationKey);
  constexpr int kKeys = 200;
  std::vector<int> latest(kKeys, -1);
  for (int i = 0; i < 50'000; ++i) {
    const int key = (i * 7919) % kKeys;
    outbox.push(bytes(std::to_string(1'000'000 + i)), static_cast<ConflationKey>(key + 1));
    latest[static_cast<std::size_t>(key)] = 1'000'000 + i;
  }
  BOOST_TEST(outbox.backlog() == kKeys * 7u);
  std::sort(latest.begin(), latest.end());
  std::string expected;
  for (const int value : latest) expected += std::to_string(value);
  std::string sent;
  while (!outbox.empty()) sent += take(outbox);
  BOOST_TEST(sent == expected);
}

BOOST_AUTO_TEST_CASE(what_was_dropped_was_not_pushed_before_the_outbox_was_last_empty) {
  Outbox outbox(limits(4, 100));
  outbox.push(bytes("a1"), 1);
  take(outbox, 2, kStart);
  outbox.note_idle(kStart + seconds(10));
  outbox.push(bytes("a2"), 1);
  take(outbox, 1, kStart + seconds(11));
  outbox.push(bytes("a3"), 1);
  outbox.push(bytes("a4"), 1);  // drops a3
  outbox.note_idle(kStart + seconds(12));
  take(outbox, 3, kStart + seconds(13));
  const Conflated lost = outbox.take_conflated(kStart + seconds(13));
  BOOST_TEST(lost.frames == 1u);
  BOOST_TEST((lost.since == kStart + seconds(10)));
  for (const char* text : {"b1---", "b2---", "b3---"}) outbox.push(bytes(text), 2);
  take(outbox, 5, kStart + seconds(14));
  BOOST_TEST((outbox.take_conflated(kStart + seconds(14)).since == kStart + seconds(13)));
}

BOOST_AUTO_TEST_CASE(key_zero_is_never_replaced) {
  Outbox outbox(limits(4, 100));
  for (int i = 0; i < 5; ++i) BOOST_TEST((outbox.push(bytes("ack" + std::to_string(i)), 0) == Outbox::Push::queued));
  BOOST_TEST(take(outbox) == "ack0ack1ack2ack3ack4");
}

BOOST_AUTO_TEST_CASE(a_frame_of_which_a_byte_was_sent_is_never_dropped) {
  Outbox outbox(limits(4, 100));
  outbox.push(bytes("a1--"), 1);
  BOOST_TEST(take(outbox, 1) == "a");
  BOOST_TEST((outbox.push(bytes("a2--"), 1) == Outbox::Push::queued));
  BOOST_TEST((outbox.push(bytes("a3--"), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 1u);
  BOOST_TEST(outbox.backlog() == 7u);
  BOOST_TEST(take(outbox) == "1--a3--");
}

BOOST_AUTO_TEST_CASE(a_frame_that_would_exceed_the_hard_limit_is_not_queued) {
  Outbox outbox(limits(4, 10));
  outbox.push(bytes("12345"), 0);
  outbox.push(bytes("12345"), 0);
  BOOST_TEST((outbox.push(bytes("1"), 0) == Outbox::Push::overflow));
  BOOST_TEST(outbox.backlog() == 10u);
  BOOST_TEST(take(outbox) == "1234512345");
}

BOOST_AUTO_TEST_CASE(conflation_makes_room_before_overflow_is_decided) {
  Outbox outbox(limits(4, 10));
  outbox.push(bytes("aaaaa"), 1);
  outbox.push(bytes("bbbbb"), 2);
  BOOST_TEST((outbox.push(bytes("AAAAA"), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.backlog() == 10u);
  BOOST_TEST(take(outbox) == "bbbbbAAAAA");
}

BOOST_AUTO_TEST_CASE(sent_runs_when_the_last_byte_is_with_the_kernel) {
  Outbox outbox{OutboxLimits{}};
  int sent = 0;
  outbox.push(bytes("data"), 1);
  outbox.push_control(bytes("close"), [&] { ++sent; });
  outbox.push(bytes("more"), 1);
  take(outbox, 8);
  BOOST_TEST(sent == 0);
  take(outbox, 1);
  BOOST_TEST(sent == 1);
  take(outbox);
  BOOST_TEST(sent == 1);
}

BOOST_AUTO_TEST_CASE(control_frames_are_not_subject_to_the_hard_limit_and_survive_conflation) {
  Outbox outbox(limits(4, 10));
  int sent = 0;
  outbox.push(bytes("aaaaaaaaaa"), 1);
  outbox.push_control(bytes("one"), [&] { ++sent; });
  outbox.push_control(bytes("two"), [&] { ++sent; });
  BOOST_TEST(outbox.backlog() == 16u);
  BOOST_TEST((outbox.push(bytes("AAAA"), 1) == Outbox::Push::queued));
  BOOST_TEST(take(outbox) == "onetwoAAAA");
  BOOST_TEST(sent == 2);
}

BOOST_AUTO_TEST_CASE(a_sent_handler_may_push_again) {
  Outbox outbox{OutboxLimits{}};
  int sent = 0;
  outbox.push_control(bytes("first"), [&] {
    ++sent;
    outbox.push_control(bytes("second"), [&] { ++sent; });
  });
  BOOST_TEST(take(outbox) == "first");
  BOOST_TEST(sent == 1);
  BOOST_TEST(outbox.backlog() == 6u);
  BOOST_TEST(take(outbox) == "second");
  BOOST_TEST(sent == 2);
}

BOOST_AUTO_TEST_CASE(a_sent_handler_may_clear_and_then_no_other_runs) {
  Outbox outbox{OutboxLimits{}};
  int sent = 0;
  const auto last = [&] {
    ++sent;
    outbox.clear();
    outbox.push_control(bytes("new"), [&] { sent += 100; });
  };
  outbox.push_control(bytes("one"), last);
  outbox.push_control(bytes("two"), last);
  BOOST_TEST(take(outbox) == "onetwo");
  BOOST_TEST(sent == 1);
  BOOST_TEST(outbox.backlog() == 3u);
}

BOOST_AUTO_TEST_CASE(clear_drops_everything_without_telling) {
  Outbox outbox{OutboxLimits{}};
  int sent = 0;
  outbox.push(bytes("partly sent"), 1);
  outbox.push_control(bytes("close"), [&] { ++sent; });
  take(outbox, 3);
  outbox.clear();
  BOOST_TEST(outbox.empty());
  BOOST_TEST(outbox.backlog() == 0u);
  BOOST_TEST(sent == 0);
  outbox.push(bytes("again"), 1);
  BOOST_TEST(take(outbox) == "again");
}

BOOST_AUTO_TEST_CASE(drop_unsent_keeps_control_frames_and_what_is_partly_sent) {
  Outbox outbox{OutboxLimits{}};
  int sent = 0;
  outbox.push(bytes("partly"), 1);
  outbox.push(bytes("waiting"), 2);
  outbox.push_control(bytes("close"), [&] { ++sent; });
  outbox.push(bytes("late"), 0);
  take(outbox, 1);
  outbox.drop_unsent();
  BOOST_TEST(outbox.backlog() == 10u);
  BOOST_TEST(outbox.conflated() == 0u);
  BOOST_TEST(take(outbox) == "artlyclose");
  BOOST_TEST(sent == 1);
  outbox.push(bytes("alone"), 1);
  outbox.drop_unsent();
  BOOST_TEST(outbox.empty());
}

BOOST_AUTO_TEST_CASE(a_backlog_of_which_nothing_is_taken_stalls) {
  OutboxLimits config;
  config.stalled_after = seconds(30);
  Outbox outbox(config);
  BOOST_TEST(!outbox.stalled(kStart + std::chrono::hours(1)));
  outbox.push(bytes("abc"), 1);
  outbox.consume(0, kStart);  // the socket has no room
  BOOST_TEST(!outbox.stalled(kStart + seconds(29)));
  BOOST_TEST(outbox.stalled(kStart + seconds(30)));
  outbox.push(bytes("def"), 1);
  BOOST_TEST(outbox.stalled(kStart + seconds(30)));  // pushing is no progress
}

BOOST_AUTO_TEST_CASE(every_byte_taken_starts_the_clock_anew) {
  OutboxLimits config;
  config.stalled_after = seconds(30);
  Outbox outbox(config);
  outbox.push(bytes("abc"), 1);
  outbox.consume(0, kStart);
  outbox.consume(1, kStart + seconds(20));
  outbox.consume(0, kStart + seconds(40));
  BOOST_TEST(!outbox.stalled(kStart + seconds(49)));
  BOOST_TEST(outbox.stalled(kStart + seconds(50)));
}

BOOST_AUTO_TEST_CASE(an_idle_time_before_the_first_push_is_no_stall) {
  OutboxLimits config;
  config.stalled_after = seconds(30);
  Outbox outbox(config);
  outbox.push(bytes("abc"), 1);
  take(outbox);
  outbox.push(bytes("def"), 1);
  BOOST_TEST(!outbox.stalled(kStart + seconds(100)));  // nothing was offered to the socket yet
  outbox.consume(0, kStart + seconds(100));
  BOOST_TEST(!outbox.stalled(kStart + seconds(101)));
  BOOST_TEST(outbox.stalled(kStart + seconds(130)));
}

// The same operations on a plain list of strings, after every step of which both must agree.
BOOST_AUTO_TEST_CASE(agrees_with_a_plain_model_on_random_operations) {
  struct Queued {
    std::string text;
    ConflationKey key;
  };
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    Outbox outbox(limits(60, 150));
    std::vector<Queued> model;
    std::size_t front_sent = 0;
    std::uint64_t dropped = 0;
    ConflationKeys dropped_keys;
    const auto backlog = [&] {
      std::size_t sum = 0;
      for (const Queued& item : model) sum += item.text.size();
      return sum - front_sent;
    };
    // Keeps, besides what is partly sent, the latest of each key; with `except` none of that key.
    const auto conflate = [&](ConflationKey except) {
      std::vector<Queued> kept;
      for (std::size_t i = 0; i < model.size(); ++i) {
        const auto newer = [&](const Queued& other) { return other.key == model[i].key; };
        const bool latest = std::none_of(model.begin() + static_cast<std::ptrdiff_t>(i) + 1, model.end(), newer);
        const bool started = i == 0 && front_sent > 0;
        if (started || model[i].key == 0 || (latest && model[i].key != except)) {
          kept.push_back(model[i]);
        } else {
          ++dropped;
          dropped_keys.add(model[i].key);
        }
      }
      model = kept;
    };
    for (int step = 0; step < 300; ++step) {
      if (below(3) > 0) {
        const Queued item{std::string(1 + below(20), static_cast<char>('a' + step % 26)),
                          static_cast<ConflationKey>(below(4))};
        if (backlog() + item.text.size() > 60) conflate(item.key);
        const bool fits = backlog() + item.text.size() <= 150;
        BOOST_REQUIRE(((outbox.push(bytes(item.text), item.key) != Outbox::Push::overflow) == fits));
        if (fits) model.push_back(item);
      } else {
        const std::size_t amount = below(backlog() + 1);
        std::string expected;
        for (const Queued& item : model) expected += item.text;
        expected = expected.substr(front_sent, amount);
        BOOST_REQUIRE_EQUAL(take(outbox, amount), expected);
        front_sent += amount;
        while (!model.empty() && front_sent >= model.front().text.size()) {
          front_sent -= model.front().text.size();
          model.erase(model.begin());
        }
      }
      BOOST_REQUIRE_EQUAL(outbox.backlog(), backlog());
      BOOST_REQUIRE_EQUAL(outbox.empty(), model.empty());
      BOOST_REQUIRE_EQUAL(outbox.conflated(), dropped);
      if (!outbox.empty()) continue;
      const Conflated lost = outbox.take_conflated(kStart);
      BOOST_REQUIRE_EQUAL(lost.frames, std::exchange(dropped, 0));
      BOOST_REQUIRE((lost.keys == std::exchange(dropped_keys, {})));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_answer_is_charged_apart_and_outlives_conflation) {
  Outbox outbox{limits(100, 200)};
  outbox.push(bytes("a"), 1);
  outbox.push_apart(bytes(std::string(1'000, '.')));
  BOOST_TEST(outbox.holds_apart());
  BOOST_TEST(outbox.backlog() == 1'001u);
  // The limits count the rest only.
  BOOST_TEST((outbox.push(bytes("b"), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 0u);
  BOOST_TEST((outbox.push(bytes(std::string(120, 'c')), 1) == Outbox::Push::queued));
  BOOST_TEST(outbox.conflated() == 2u);
  BOOST_TEST((outbox.push(bytes(std::string(120, 'd')), 0) == Outbox::Push::overflow));
  BOOST_TEST(take(outbox) == std::string(1'000, '.') + std::string(120, 'c'));
  BOOST_TEST(!outbox.holds_apart());
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_given_up_is_charged_no_more) {
  Outbox outbox{limits(100, 200)};
  outbox.push_apart(bytes(std::string(1'000, '.')));
  outbox.drop_unsent();
  BOOST_TEST(!outbox.holds_apart());
  BOOST_TEST((outbox.push(bytes(std::string(250, 'x')), 0) == Outbox::Push::overflow));
  outbox.push_apart(bytes(std::string(1'000, '.')));
  outbox.clear();
  BOOST_TEST(!outbox.holds_apart());
}

BOOST_AUTO_TEST_SUITE_END()
