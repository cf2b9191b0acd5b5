// Clients that append: those that obey `mode`, those that come back with a cursor, and those that know neither. And at
// random: the chart that an appending client builds is the window that a replacing one has.
#include <boost/test/unit_test.hpp>

#include <deque>
#include <random>

#include "history_client.hpp"
#include "tests/support/numbers.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string cursor_of_last(TestClient& client) {
  return last_of_type(client.take(), "history").at("cursor").string();
}

devices::SubscribeOptions after(devices::SubscribeOptions options, const std::string& cursor) {
  options.since = proto::parse_since(cursor);
  BOOST_REQUIRE(options.since.has_value());
  return options;
}

// What a client shows that does what every `history` message says, and keeps the newest `points`.
struct Chart {
  explicit Chart(std::size_t keep) : points(keep) {}

  void read(const std::vector<Json>& messages) {
    for (const Json& message : messages) {
      if (message.type() != "history") continue;
      if (message.at("mode").string() == "replace") {
        shown.clear();
        ++wholes;
      }
      const Json cpu = message.at("data").at("cpu");
      for (std::size_t i = 0; i < cpu.size(); ++i) shown.push_back(cpu.at(i).text());
      if (shown.size() > points) shown.erase(shown.begin(), shown.end() - static_cast<std::ptrdiff_t>(points));
    }
  }

  const std::size_t points;
  std::vector<std::string> shown;  // points with their times, as JSON
  int wholes = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryAppend)

BOOST_AUTO_TEST_CASE(who_comes_back_with_a_cursor_gets_only_what_it_has_missed) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{});
  client->subscribe({Channel::history}, append(10));
  f.answer(f.rows({1, 2}));
  f.advance(seconds(1));
  f.publish_metrics(1, 3);
  const std::string cursor = cursor_of_last(*client);
  client.reset();
  for (int i = 4; i <= 6; ++i) {
    f.advance(seconds(2));
    f.publish_metrics(1, i);
  }
  TestClient back(f, f.device(1));
  back.subscribe({Channel::history}, after(append(10), cursor));
  const Json message = last_of_type(back.take(), "history");
  BOOST_TEST(message.at("mode").string() == "append");
  BOOST_TEST(cpu_of_history(message) == numbers(4, 6), boost::test_tools::per_element());
  // And goes on as everybody.
  f.advance(seconds(1));
  f.publish_metrics(1, 7);
  BOOST_TEST(cpu_of_last(back) == (std::vector<int>{7}), boost::test_tools::per_element());
  // In replace form a cursor changes nothing.
  TestClient other(f, f.device(1));
  other.subscribe({Channel::history}, after(points(10), cursor));
  BOOST_TEST(cpu_of_last(other) == numbers(1, 7), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_has_missed_nothing_gets_nothing_and_then_what_is_new) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(10));
  f.answer(f.rows({1, 2}));
  const std::string cursor = cursor_of_last(client);
  TestClient back(f, f.device(1));
  back.subscribe({Channel::history}, after(append(10), cursor));
  BOOST_TEST(count_type(back.take(), "history") == 0);
  f.advance(seconds(1));
  f.publish_metrics(1, 3);
  BOOST_TEST(cpu_of_last(back) == (std::vector<int>{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_cursor_waits_for_the_first_read_and_one_that_is_too_old_gets_the_whole_window) {
  HubFixture f;
  TestClient client(f, f.device(1)), lost(f, f.device(1));
  f.confirm_device(1);
  const auto rows = f.rows({1, 2, 3, 4});
  std::string known, unknown;
  proto::append_cursor(known, {rows.metrics[1].recorded_at, proto::sample_digest(rows.metrics[1].values), 0});
  proto::append_cursor(unknown, {rows.metrics[1].recorded_at, 7, 0});
  client.subscribe({Channel::history}, after(append(10), known));
  lost.subscribe({Channel::history}, after(append(10), unknown));
  f.answer(rows);
  const Json message = last_of_type(client.take(), "history");
  BOOST_TEST(message.at("mode").string() == "append");
  BOOST_TEST(cpu_of_history(message) == numbers(3, 4), boost::test_tools::per_element());
  const Json whole = last_of_type(lost.take(), "history");
  BOOST_TEST(whole.at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(whole) == numbers(1, 4), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_client_that_only_appends_never_gets_a_point_twice) {
  HubFixture f;
  TestClient legacy(f, 1, {});
  legacy.subscribe({Channel::history}, append_only());
  f.answer(f.rows({1, 2}, 30));
  BOOST_TEST(cpu_of_last(legacy) == numbers(1, 2), boost::test_tools::per_element());
  f.advance(seconds(2));
  f.publish_metrics(1, 4);
  BOOST_TEST(cpu_of_last(legacy) == (std::vector<int>{4}), boost::test_tools::per_element());
  // 3 was published before we subscribed: too late for this client. 5 is newer than what it has.
  f.advance(seconds(16));
  storage::Snapshot look = f.rows({1, 2}, 48);
  look.metrics.push_back(f.row(3, -20));
  look.metrics.push_back(f.row(4, -17));
  look.metrics.push_back(f.row(5, -1));
  f.answer_all(look);
  BOOST_TEST(cpu_of_last(legacy) == (std::vector<int>{5}), boost::test_tools::per_element());
  // Nor by a timer, by asking again, or after it was slow.
  f.advance(seconds(100));
  legacy.subscribe({Channel::history}, append_only());
  BOOST_TEST(only(legacy.take(), "history").empty());
  BOOST_TEST(!legacy.restore_history());
  BOOST_TEST(legacy.take().empty());
  f.publish_metrics(1, 6);
  BOOST_TEST(cpu_of_last(legacy) == (std::vector<int>{6}), boost::test_tools::per_element());
  // Only who begins anew gets the window.
  legacy.unsubscribe({Channel::history});
  legacy.subscribe({Channel::history}, append_only());
  BOOST_TEST(cpu_of_last(legacy) == numbers(1, 6), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_client_says_of_the_form_goes_before_what_its_endpoint_does) {
  HubFixture f;
  TestClient legacy(f, 1, {});
  auto options = points(30);
  options.history_append_only = true;
  legacy.subscribe({Channel::history}, options);
  f.answer(f.rows({1, 2}));
  f.advance(seconds(1));
  f.publish_metrics(1, 3);
  BOOST_TEST(cpu_of_last(legacy) == numbers(1, 3), boost::test_tools::per_element());
}

// Events, rows that are written late or without an event, outages of the bus, looks at the table.
BOOST_AUTO_TEST_CASE(whatever_happens_the_chart_that_a_client_builds_is_the_window) {
  int wholes = 0, appended = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
    devices::DeviceConfig config;
    config.reread = seconds(20);
    HubFixture f(config);
    const std::size_t length = static_cast<std::size_t>(3 + draw(38));
    TestClient appending(f, 1, {});
    TestClient replacing(f, f.device(1)), legacy(f, f.device(1));
    Chart built(length), whole(length), once(1'000);
    storage::Snapshot table;
    std::deque<std::pair<int, proto::Timestamp>> unwritten;
    int value = 0;
    for (int i = draw(20); i > 0; --i) table.metrics.push_back(f.row(++value % 7, -60 - i));
    appending.subscribe({Channel::history}, append(length));
    replacing.subscribe({Channel::history}, points(length));
    legacy.subscribe({Channel::history}, append_only());
    std::unique_ptr<TestClient> guest;
    const auto pass = [&](int ms) {
      f.advance(milliseconds(ms));
      for (; !unwritten.empty() && unwritten.front().second <= f.clock.now().wall; unwritten.pop_front())
        table.metrics.push_back(f.row(unwritten.front().first, 0));
    };
    for (int step = 0; step < 150; ++step) {
      switch (draw(12)) {
        case 0:
          if (f.source.outstanding() > 0) draw(4) == 0 ? f.fail() : f.answer(table);
          break;
        case 1:
          if (draw(4) == 0) f.subscriber.up() ? f.bus_down() : f.bus_up();
          f.confirm_device(1);
          break;
        case 2:  // written by hand
          if (draw(3) == 0 && unwritten.empty()) table.metrics.push_back(f.row(++value % 7, 0));
          break;
        case 3:  // another one comes, goes, or is slow
          if (guest) {
            draw(2) == 0 ? guest.reset() : void(guest->restore_history());
          } else {
            guest = std::make_unique<TestClient>(f, f.device(1));
            guest->subscribe({Channel::history}, append(draw(2) == 0 ? length : 40));
          }
          break;
        default:
          pass(200 + draw(1'500));
          f.publish_metrics(1, ++value % 7);
          unwritten.push_back({value % 7, f.clock.now().wall + milliseconds(draw(3'000))});
          if (unwritten.size() > 1)
            unwritten.back().second = std::max(unwritten.back().second, unwritten[unwritten.size() - 2].second);
      }
      if (draw(8) == 0) pass(5'000);
      built.read(appending.take());
      whole.read(replacing.take());
    }
    if (!f.subscriber.up()) f.bus_up();
    f.confirm_device(1);
    for (int i = 0; i < 60; ++i) {
      pass(1'000);
      f.answer_all(table);
    }
    built.read(appending.take());
    whole.read(replacing.take());
    if (built.shown != whole.shown) BOOST_ERROR("seed " << seed << ": the charts differ");
    const auto sent = legacy.take();
    once.read(sent);
    if (once.wholes > 1) BOOST_ERROR("seed " << seed << ": the window came twice");
    auto points = once.shown;
    std::sort(points.begin(), points.end());
    if (std::adjacent_find(points.begin(), points.end()) != points.end())
      BOOST_ERROR("seed " << seed << ": a point came twice");
    wholes += built.wholes;
    appended += whole.wholes - built.wholes;
  }
  BOOST_TEST(appended > 5 * wholes);  // it is what the form is for
}

BOOST_AUTO_TEST_SUITE_END()
