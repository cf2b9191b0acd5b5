// Every message of a channel says when its value came to be: the event's own time, or the row's.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::seconds;

namespace {

const std::vector<Channel> kAll = {Channel::metrics, Channel::system_info, Channel::processes, Channel::history,
                                   Channel::network_interfaces};
const std::vector<const char*> kAllTypes = {"metrics", "system-info", "processes", "history", "network-interfaces"};

std::string iso(proto::Timestamp time) {
  std::string text;
  proto::append_iso8601(text, time);
  return text;
}

std::string time_of(const std::vector<Json>& messages, const char* type) {
  return last_of_type(messages, type).at("timestamp").string();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubOwnTime)

BOOST_AUTO_TEST_CASE(events_keep_their_time_however_wrong_the_publisher_s_clock_is) {
  for (const seconds skew : {seconds(0), seconds(5), seconds(-5), seconds(3600), seconds(-3600)}) {
    HubFixture f;
    TestClient client(f, 1, kAll);
    f.answer({});
    const std::string reported = iso(f.clock.now().wall + skew);
    f.publish("device:" + f.text(1) + ":metrics",
              R"({"metrics":{"cpu_usage":1,"network_interfaces":[1]},"timestamp":")" + reported + R"("})");
    const std::string described = iso(f.clock.now().wall + skew + seconds(1));
    f.publish("device:" + f.text(1) + ":state",
              R"({"state":{"hostname":"a","top_processes":[1]},"timestamp":")" + described + R"("})");
    const auto live = client.take();
    TestClient newcomer(f, f.device(1));
    newcomer.subscribe(kAll);
    for (const auto& messages : {live, newcomer.take()}) {
      BOOST_TEST(time_of(messages, "metrics") == reported);
      BOOST_TEST(time_of(messages, "history") == reported);
      BOOST_TEST(time_of(messages, "network-interfaces") == reported);
      BOOST_TEST(time_of(messages, "system-info") == described);
      BOOST_TEST(time_of(messages, "processes") == described);
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_give_the_time_of_their_insertion) {
  HubFixture f;
  TestClient client(f, 1, kAll);
  storage::Snapshot snapshot = f.rows({1, 2}, 100);
  snapshot.state = f.state_row("a", "[1]").state;
  snapshot.state->network_interfaces = "[2]";
  snapshot.state->recorded_at = f.clock.now().wall - seconds(60);
  f.answer(snapshot);
  const auto messages = client.take();
  for (const char* type : kAllTypes) {
    const bool sample = type == std::string("metrics") || type == std::string("history");
    BOOST_TEST(time_of(messages, type) == iso(f.clock.now().wall - seconds(sample ? 100 : 60)));
  }
}

BOOST_AUTO_TEST_CASE(a_state_without_a_time_is_as_old_as_the_newest_row_or_from_now) {
  for (const bool samples : {true, false}) {
    HubFixture f;
    TestClient client(f, 1, {Channel::system_info, Channel::processes});
    storage::Snapshot snapshot = samples ? f.rows({1, 2}, 100) : storage::Snapshot{};
    snapshot.state = f.state_row("a", "[1]").state;
    snapshot.state->recorded_at.reset();
    f.answer(snapshot);
    const auto messages = client.take();
    for (const char* type : {"system-info", "processes"})
      BOOST_TEST(time_of(messages, type) == iso(f.clock.now().wall - seconds(samples ? 100 : 0)));
  }
}

BOOST_AUTO_TEST_CASE(an_event_without_a_time_is_from_now) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  f.publish("device:" + f.text(1) + ":metrics", R"({"metrics":{"cpu_usage":1}})");
  BOOST_TEST(time_of(client.take(), "metrics") == iso(f.clock.now().wall));
}

BOOST_AUTO_TEST_CASE(what_is_passed_through_has_its_own_time) {
  HubFixture f({}, HubFixture::Database::present, {"logs"});
  const Channel logs = *f.channels.find("logs");
  TestClient client(f, 1, {logs});
  const std::string time = iso(f.clock.now().wall + seconds(3600));
  f.publish("device:" + f.text(1) + ":logs", R"({"line":"x","timestamp":")" + time + R"("})");
  BOOST_TEST(time_of(client.take(), "logs") == time);
  TestClient newcomer(f, f.device(1));
  newcomer.subscribe({logs});
  BOOST_TEST(time_of(newcomer.take(), "logs") == time);
}

BOOST_AUTO_TEST_SUITE_END()
