// Spans of time: what is read of them, how the live window goes on, what is kept, and what happens when a read fails.
#include <boost/test/unit_test.hpp>

#include "gateway/devices/history_span.hpp"
#include "history_client.hpp"
#include "tests/support/numbers.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::HistorySpan;
using proto::Channel;
using proto::HistoryMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

proto::HistoryPoint point(double second, double cpu) {
  proto::HistoryPoint result;
  result.time = proto::Timestamp(std::chrono::microseconds(static_cast<long long>(second * 1e6)));
  result.cpu = cpu;
  return result;
}

devices::Sample sample(double second, double cpu) {
  devices::Sample result;
  result.event_time = point(second, 0).time;
  result.values[proto::Metric::cpu_usage] = {cpu, true, -1};
  return result;
}

std::vector<int> cpu_of(const HistorySpan& span) {
  std::vector<int> values;
  for (const proto::HistoryPoint& point : span.points()) values.push_back(static_cast<int>(point.cpu));
  return values;
}

// A device whose table has `rows` rows a second apart, 1, 2, …, the newest `age` seconds old, and whose window holds
// the newest 30 of them.
struct Table {
  explicit Table(int rows, double age = 100, const devices::DeviceConfig& config = {}) : f(config) {
    for (int i = 1; i <= rows; ++i) f.history.rows(f.device(1)).push_back(f.row(i, i - rows - age));
    TestClient first(f, 1, {Channel::history});
    answer();
  }
  void answer() {
    storage::Snapshot snapshot;
    for (const storage::MetricsRow& row : f.history.rows(f.device(1))) snapshot.metrics.push_back(row);
    f.answer_all(snapshot);
  }
  // Also written, at once.
  void publish(int value) {
    f.publish_metrics(1, value);
    f.history.rows(f.device(1)).push_back(f.row(value, 0.001));
  }

  HubFixture f;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(HistorySpans)

BOOST_AUTO_TEST_CASE(everything_is_kept_while_it_is_little) {
  HistorySpan span(seconds(100), 10, proto::Downsample::lttb);
  span.assign({point(1, 1), point(2, 2)});
  span.take(sample(3, 3));
  span.take(sample(4, 4));
  BOOST_TEST(cpu_of(span) == (std::vector<int>{1, 2, 3, 4}), boost::test_tools::per_element());
  span.expire(point(2, 0).time);
  BOOST_TEST(cpu_of(span) == (std::vector<int>{2, 3, 4}), boost::test_tools::per_element());
  // Read again: what came live stays, and so does what was written before it.
  span.assign({point(1.5, 7), point(3.1, 2), point(3.2, 3)});
  BOOST_TEST(cpu_of(span) == (std::vector<int>{7, 2, 3, 4}), boost::test_tools::per_element());
  span.forget();
  span.assign({point(3, 3), point(4, 4), point(5, 5)});
  BOOST_TEST(cpu_of(span) == (std::vector<int>{3, 4, 5}), boost::test_tools::per_element());
  span.cut(point(4, 0).time);
  BOOST_TEST(cpu_of(span) == (std::vector<int>{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_long_stream_stays_bounded_keeps_its_spikes_and_covers_all_of_its_time_alike) {
  for (const auto how : {proto::Downsample::lttb, proto::Downsample::minmax, proto::Downsample::mean}) {
    HistorySpan span(seconds(10'000), 50, how);
    std::vector<proto::HistoryPoint> rows;
    for (int i = 0; i < 5'000; ++i) rows.push_back(point(i, i == 2'500 ? 99 : 10 + i % 3));
    span.assign(rows);
    for (int i = 5'000; i < 30'000; ++i) {
      span.take(sample(i, i == 27'000 ? 95 : 10 + i % 3));
      span.expire(point(i - 10'000, 0).time);
      if (span.points().size() > span.max_size()) BOOST_FAIL("unbounded");
    }
    BOOST_TEST(span.max_size() <= 9 * 50 + 16u);
    int quarters[4] = {};
    double greatest = 0, sum = 0;
    for (const proto::HistoryPoint& kept : span.points()) {
      ++quarters[std::min<long>(3, (kept.time.time_since_epoch().count() / 1'000'000 - 20'000) / 2'500)];
      greatest = std::max(greatest, kept.cpu);
      sum += kept.cpu;
    }
    for (int i = 1; i < 3; ++i) BOOST_TEST(std::abs(quarters[i] - quarters[0]) <= quarters[0] / 4 + 2);
    if (how == proto::Downsample::mean) {
      BOOST_TEST(sum / static_cast<double>(span.points().size()) < 12);
    } else {
      BOOST_TEST(greatest == 95);
    }
  }
}

BOOST_AUTO_TEST_CASE(times_that_jump_cannot_make_it_grow) {
  HistorySpan span(seconds(100), 10, proto::Downsample::minmax);
  for (int i = 0; i < 5'000; ++i) {
    span.take(sample(i % 2 == 0 ? 1'000 + i : 5'000 - i, i));
    BOOST_REQUIRE(span.points().size() <= span.max_size());
  }
  BOOST_TEST(cpu_of(span).back() == 4'999);
}

BOOST_AUTO_TEST_CASE(a_span_beyond_memory_is_read_once_and_goes_on_live) {
  Table t(300);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(350)));
  BOOST_TEST(count_type(client.take(), "history") == 0);
  t.f.run();
  BOOST_REQUIRE(t.f.history.ranges().size() == 1u);
  BOOST_TEST((t.f.history.ranges()[0].from == t.f.clock.now().wall - seconds(350)));
  // The newest row is 100 s old, so 250 s of them are within.
  const auto messages = client.take();
  BOOST_TEST(count_type(messages, "history") == 1);
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")) == numbers(50, 300), boost::test_tools::per_element());
  for (int i = 301; i <= 360; ++i) {
    t.f.advance(seconds(2));
    t.publish(i);
  }
  BOOST_TEST(cpu_of_last(client) == numbers(170, 360), boost::test_tools::per_element());
  BOOST_TEST(t.f.history.ranges().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_span_that_memory_covers_needs_no_read) {
  Table t(300);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(110)));
  BOOST_TEST(cpu_of_last(client) == numbers(290, 300), boost::test_tools::per_element());
  BOOST_TEST(t.f.history.ranges().empty());
  // It outgrows the window, and is kept.
  for (int i = 301; i <= 350; ++i) {
    t.f.advance(seconds(1));
    t.publish(i);
  }
  BOOST_TEST(cpu_of_last(client) == numbers(301, 350), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_span_in_few_points_keeps_its_shape) {
  Table t(300);
  t.f.history.rows(t.f.device(1))[150].values[proto::Metric::cpu_usage].value = 999;
  TestClient client(t.f, t.f.device(1));
  auto options = span(seconds(500));
  options.history->points = 40;
  client.subscribe({Channel::history}, options);
  t.f.run();
  const auto cpu = cpu_of_last(client);
  BOOST_TEST(cpu.size() == 40u);
  BOOST_TEST(*std::max_element(cpu.begin(), cpu.end()) == 999);
}

BOOST_AUTO_TEST_CASE(means_are_read_as_means) {
  Table t(300);
  TestClient client(t.f, t.f.device(1));
  auto options = span(seconds(500));
  options.history->points = 10;
  options.history->downsample = proto::Downsample::mean;
  client.subscribe({Channel::history}, options);
  t.f.run();
  BOOST_TEST((t.f.history.ranges().at(0).reduction == storage::Reduction::mean));
  const auto cpu = cpu_of_last(client);
  BOOST_TEST(cpu.size() == 10u);
  BOOST_TEST(std::is_sorted(cpu.begin(), cpu.end()));
}

BOOST_AUTO_TEST_CASE(an_appending_client_gets_raw_points_and_now_and_then_the_chart_thinned_out_anew) {
  Table t(300);
  TestClient client(t.f, t.f.device(1));
  auto options = span(seconds(600), HistoryMode::append);
  options.history->points = 40;
  client.subscribe({Channel::history}, options);
  t.f.run();
  BOOST_TEST(last_of_type(client.take(), "history").at("mode").string() == "replace");
  int wholes = 0;
  std::size_t held = 40;
  for (int i = 301; i <= 400; ++i) {
    t.f.advance(seconds(1));
    t.publish(i);
    for (const Json& message : client.take()) {
      const bool whole = message.at("mode").string() == "replace";
      wholes += whole;
      held = whole ? cpu_of_history(message).size() : held + cpu_of_history(message).size();
      BOOST_TEST(held <= 40u + 10u);
    }
  }
  BOOST_TEST(wholes >= 8);
  BOOST_TEST(wholes <= 10);
}

BOOST_AUTO_TEST_CASE(points_drop_out_of_the_span_though_nothing_comes) {
  Table t(50, 100);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(140)));
  t.f.run();
  BOOST_TEST(cpu_of_last(client).size() == 41u);
  t.f.advance(seconds(31));  // the refresh, 30 s later
  t.answer();
  BOOST_TEST(cpu_of_last(client).size() == 11u);
  // A newcomer too sees what there is now; then nothing is left, which is no message.
  t.f.advance(seconds(2));
  TestClient newcomer(t.f, t.f.device(1));
  newcomer.subscribe({Channel::history}, span(seconds(140)));
  BOOST_TEST(cpu_of_last(newcomer).size() == 8u);
  client.take();
  t.f.advance(seconds(100));
  t.answer();
  for (const Json& message : client.take()) BOOST_TEST(cpu_of_history(message).size() > 0u);
}

BOOST_AUTO_TEST_CASE(a_database_that_is_away_is_told_memory_serves_and_the_span_comes_when_it_is_back) {
  Table t(300);
  t.f.history.fail_with(storage::SnapshotError::unavailable);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(350), HistoryMode::append));
  t.f.run();
  auto messages = client.take();
  BOOST_TEST(says(messages, "database", "down"));
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")) == numbers(271, 300), boost::test_tools::per_element());
  // Live goes on, and nobody else waits for what fails.
  t.f.advance(milliseconds(100));
  t.publish(301);
  TestClient second(t.f, t.f.device(1));
  second.subscribe({Channel::history}, span(seconds(330)));
  BOOST_TEST(cpu_of_last(second).back() == 301);
  const std::size_t tried = t.f.history.ranges().size();
  t.f.history.fail_with(storage::SnapshotError::none);
  t.f.advance(seconds(3));
  t.answer();
  t.f.advance(seconds(1));
  messages = client.take();
  BOOST_TEST(says(messages, "database", "up"));
  BOOST_TEST(last_of_type(messages, "history").at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).front() <= 53);
  BOOST_TEST(cpu_of_last(second).size() > 200u);
  BOOST_TEST(t.f.history.ranges().size() == tried + 2);
}

BOOST_AUTO_TEST_CASE(a_range_that_takes_too_long_is_asked_for_again_with_patience) {
  Table t(300);
  t.f.history.fail_with(storage::SnapshotError::timed_out);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(350)));
  t.f.run();
  const auto messages = client.take();
  BOOST_TEST(!says(messages, "database", "down"));  // other statements succeed
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).size() == 30u);
  for (int i = 0; i < 120; ++i) t.f.advance(seconds(1));
  const auto tries = t.f.history.ranges().size();
  BOOST_TEST(tries >= 6u);
  BOOST_TEST(tries <= 12u);
}

BOOST_AUTO_TEST_CASE(after_an_outage_longer_than_the_window_the_span_is_read_again) {
  Table t(300);
  TestClient client(t.f, t.f.device(1));
  client.subscribe({Channel::history}, span(seconds(400)));
  t.f.run();
  t.f.bus_down();
  for (int i = 301; i <= 340; ++i) {  // nobody hears these, but they are written
    t.f.advance(milliseconds(500));
    t.f.history.rows(t.f.device(1)).push_back(t.f.row(i, 0.001));
  }
  t.f.bus_up();
  t.f.confirm_device(1);
  t.f.advance(seconds(1));
  t.answer();
  t.f.run();
  BOOST_TEST(cpu_of_last(client) == numbers(21, 340), boost::test_tools::per_element());
  BOOST_TEST(t.f.history.ranges().size() == 2u);
}

BOOST_AUTO_TEST_CASE(one_range_is_read_at_a_time_and_what_is_no_longer_wanted_disturbs_nobody) {
  Table t(300);
  t.f.history.hold();
  TestClient staying(t.f, t.f.device(1));
  auto leaving = std::make_unique<TestClient>(t.f, t.f.device(1));
  leaving->subscribe({Channel::history}, span(seconds(500)));
  staying.subscribe({Channel::history}, span(seconds(350)));
  BOOST_TEST(t.f.history.outstanding() == 1u);
  leaving.reset();
  t.f.history.release();
  t.f.run();
  BOOST_TEST(cpu_of_last(staying) == numbers(50, 300), boost::test_tools::per_element());
  BOOST_TEST(t.f.history.ranges().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_reload_within_the_linger_time_reads_nothing) {
  Table t(300);
  auto client = std::make_unique<TestClient>(t.f, t.f.device(1));
  client->subscribe({Channel::history}, span(seconds(350)));
  t.f.run();
  client.reset();
  t.f.advance(seconds(10));
  t.publish(301);
  client = std::make_unique<TestClient>(t.f, t.f.device(1));
  client->subscribe({Channel::history}, span(seconds(350)));
  BOOST_TEST(cpu_of_last(*client) == numbers(60, 301), boost::test_tools::per_element());
  BOOST_TEST(t.f.history.ranges().size() == 1u);
}

BOOST_AUTO_TEST_CASE(rows_that_are_late_beyond_a_short_window_are_looked_for_once_more) {
  // 4 events a second: the window reaches back 7.5 s, rows are 10 s late.
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer({});
  auto& table = f.history.rows(f.device(1));
  int last = 0;
  const auto live = [&](int count) {
    for (; count > 0; --count) {
      f.advance(milliseconds(250));
      f.publish_metrics(1, ++last);
      if (last > 40) table.push_back(f.row(last - 40, 0.001));
      while (f.source.outstanding() > 0) {
        storage::Snapshot snapshot;
        for (const storage::MetricsRow& row : table) snapshot.metrics.push_back(row);
        f.answer(snapshot);
      }
    }
  };
  live(200);
  TestClient viewer(f, f.device(1));
  viewer.subscribe({Channel::history}, span(seconds(30)));
  f.run();
  const auto before = cpu_of_last(viewer);
  BOOST_TEST(std::count(before.begin(), before.end(), 165) == 0);  // neither in the window nor in the table
  live(80);
  BOOST_TEST(f.history.ranges().size() == 2u);
  f.advance(seconds(1));
  const auto after = cpu_of_last(viewer);
  BOOST_TEST(after.front() <= last - 115);
  BOOST_TEST(after == numbers(after.front(), last), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
