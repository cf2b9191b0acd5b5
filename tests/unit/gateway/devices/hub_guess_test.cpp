// A device whose reports are all alike: which row is whose is a guess until all rows are written, so the table is
// looked at some times more.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::seconds;
using storage::ReadReason;

namespace {

// Reports of device 1, whose rows the test writes when it likes. Time is counted from the beginning.
class Table {
 public:
  explicit Table(HubFixture& fixture) : fixture_(fixture), begin_(fixture.clock.now().wall) {
    rows_.newest_metrics_json = "{}";
  }

  // `seconds`: from now.
  void insert(double value, double seconds = 0) { rows_.metrics.push_back(fixture_.row(value, seconds)); }
  // Advances until `second`, and answers every read at once, by what is written.
  void run_until(double second) {
    while (elapsed() < second) {
      fixture_.advance(std::chrono::milliseconds(100));
      answer();
    }
  }
  void answer() {
    while (fixture_.source.outstanding() > 0) fixture_.answer(rows_);
  }
  std::size_t looks() const {
    const auto& all = fixture_.source.requests();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const storage::SnapshotRequest& request) {
      return request.reason == ReadReason::second_look;
    }));
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(fixture_.clock.now().wall - begin_).count(); }

  HubFixture& fixture_;
  const proto::Timestamp begin_;
  storage::Snapshot rows_;
};

std::size_t points(TestClient& client) {
  return cpu_of_history(last_of_type(client.take(), "history")).size();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubGuess)

BOOST_AUTO_TEST_CASE(the_row_of_an_unheard_report_that_an_equal_event_was_given_is_a_point_after_the_next_look) {
  HubFixture f;
  Table table(f);
  table.insert(5, -100);
  TestClient client(f, 1, {Channel::history});  // a report was published just before
  table.answer();
  table.run_until(8);
  table.insert(5);  // its row
  table.run_until(14);
  f.publish_metrics(1, 5);
  table.run_until(17);
  BOOST_TEST(table.looks() == 1u);
  BOOST_TEST(points(client) == 2u);  // the report before us, and the event with a row that is not its own
  table.insert(5);                   // the event's row
  table.run_until(35);
  BOOST_TEST(table.looks() == 2u);
  BOOST_TEST(points(client) == 3u);
  // Nothing is a guess any more.
  table.run_until(200);
  BOOST_TEST(table.looks() == 2u);
}

BOOST_AUTO_TEST_CASE(an_event_that_took_an_equal_row_on_arrival_is_looked_at_again) {
  HubFixture f;
  Table table(f);
  table.insert(5, -100);
  TestClient client(f, 1, {Channel::history});
  table.answer();
  table.run_until(8);
  table.insert(5);
  table.run_until(25);
  BOOST_TEST(table.looks() == 1u);
  f.publish_metrics(1, 5);
  table.run_until(30);
  BOOST_TEST(points(client) == 2u);
  table.insert(5);
  table.run_until(42);
  BOOST_TEST(table.looks() == 2u);
  BOOST_TEST(points(client) == 3u);
  table.run_until(200);
  BOOST_TEST(table.looks() == 2u);
}

BOOST_AUTO_TEST_CASE(a_guess_that_lasts_is_given_up_after_some_looks) {
  HubFixture f;
  Table table(f);
  table.insert(5, -100);
  TestClient client(f, 1, {Channel::history});
  table.answer();
  // Each report's row is written just before the next report, and never when we look.
  for (int second = 4; second < 120; second += 4) {
    table.run_until(second);
    table.insert(5, -0.1);
    f.publish_metrics(1, 5);
  }
  BOOST_TEST(table.looks() == 4u);
}

BOOST_AUTO_TEST_CASE(a_device_whose_values_differ_is_looked_at_once) {
  HubFixture f;
  Table table(f);
  table.insert(1, -100);
  TestClient client(f, 1, {Channel::history});
  table.answer();
  for (int i = 0; i < 60; ++i) {
    f.publish_metrics(1, 10 + i);
    table.run_until(4 * i + 3);
    if (i % 2 == 1) {
      table.insert(9 + i);
      table.insert(10 + i);
    }
    table.run_until(4 * i + 4);
  }
  BOOST_TEST(table.looks() == 1u);
}

BOOST_AUTO_TEST_CASE(a_guess_that_nobody_sees_is_not_looked_at) {
  HubFixture f;
  Table table(f);
  table.insert(5, -100);
  TestClient client(f, 1, {Channel::metrics});
  table.answer();
  table.run_until(8);
  table.insert(5);
  table.run_until(14);
  f.publish_metrics(1, 5);
  table.run_until(200);
  BOOST_TEST(table.looks() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
