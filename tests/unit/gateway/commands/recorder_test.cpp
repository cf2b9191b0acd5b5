// The recorder names whatever may be missing, and the report says what is in a recording.
#include "gateway/commands/recorder.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>
#include <vector>

#include "bus/recording_reader.hpp"
#include "gateway/commands/record_progress.hpp"
#include "gateway/commands/recording_report.hpp"
#include "tests/support/fake_subscriber.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;
using proto::Timestamp;
using std::chrono::microseconds;
using test::contains;
using Texts = std::vector<std::string>;

namespace {

struct World {
  explicit World(std::uint64_t limit = 0)
      : writer([this] {
          bus::RecordingWriterConfig config;
          config.path = dir.file("rec.ndjson");
          return config;
        }()),
        recorder(
            writer, subscriber, {"a", "b"}, limit, [this] { return Timestamp(microseconds(now)); },
            [this](const std::string& sentence) { told.push_back(sentence); }) {
    subscriber.start(recorder);
    subscriber.subscribe({"a", "b"});
  }

  Texts lines() {
    recorder.finish();
    BOOST_TEST(writer.close() == "");
    Texts all;
    bus::RecordingReader reader({dir.file("rec.ndjson")});
    while (const auto item = reader.next()) {
      if (const auto* event = std::get_if<proto::RecordedEvent>(&item->line))
        all.push_back(std::string(event->channel) + " " + std::string(event->payload));
      if (const auto* loss = std::get_if<proto::RecordedLoss>(&item->line))
        all.push_back(loss->reason + " " + std::to_string(loss->from.time_since_epoch().count()) + " to " +
                      std::to_string(loss->time.time_since_epoch().count()) + " " + std::to_string(loss->events));
    }
    return all;
  }

  std::int64_t now = 100;
  Texts told;
  test::TempDir dir;
  test::FakeSubscriber subscriber;
  bus::RecordingWriter writer;
  Recorder recorder;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(RecorderTest)

BOOST_AUTO_TEST_CASE(a_lost_bus_is_one_loss_from_the_moment_until_all_is_subscribed_again) {
  World world;
  world.subscriber.drop();  // before anything: nothing is missing yet
  world.subscriber.connect_and_confirm();
  world.subscriber.deliver("a", "1");
  world.now = 200;
  world.subscriber.drop();
  world.now = 300;
  world.subscriber.connect();
  world.subscriber.confirm("a");
  world.subscriber.deliver("a", "2");
  world.now = 400;
  world.subscriber.confirm("b");
  world.subscriber.deliver("b", "3");
  BOOST_TEST(world.lines() == (Texts{"a 1", "a 2", "bus 200 to 400 0", "b 3"}), boost::test_tools::per_element());
  BOOST_TEST(world.told.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_is_lost_alone_is_one_too_and_so_is_an_end_without_the_bus) {
  World world;
  world.subscriber.connect_and_confirm();
  world.now = 200;
  world.subscriber.lose("b");
  world.now = 250;
  world.subscriber.confirm("b");
  world.now = 300;
  world.subscriber.drop();
  world.now = 500;
  BOOST_TEST(world.lines() == (Texts{"bus 200 to 250 0", "bus 300 to 500 0"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(events_that_were_too_large_are_counted) {
  World world;
  world.subscriber.connect_and_confirm();
  world.subscriber.end_batch();
  world.now = 200;
  world.subscriber.max_payload = 3;
  world.subscriber.deliver("a", "large");
  world.subscriber.deliver("a", "1");
  BOOST_TEST(world.lines() == (Texts{"oversized 100 to 200 1", "a 1"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_takes_no_more_than_it_was_told) {
  World world(2);
  world.subscriber.connect_and_confirm();
  for (const char* payload : {"1", "2", "3"}) world.subscriber.deliver("a", payload);
  BOOST_TEST(world.recorder.full());
  BOOST_TEST(world.lines() == (Texts{"a 1", "a 2"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(why_it_cannot_listen_is_said_once_a_minute_and_not_with_every_attempt) {
  World world;
  const auto refuse = [&world](const char* reason) {
    world.subscriber.connect();
    world.subscriber.drop(reason);
    world.now += 300'000;
  };
  for (int i = 0; i < 7; ++i) refuse("NOPERM");
  BOOST_TEST(world.told == (Texts{"Redis: NOPERM"}), boost::test_tools::per_element());
  refuse("WRONGPASS");
  refuse("NOPERM");
  BOOST_TEST(world.told == (Texts{"Redis: NOPERM", "Redis: WRONGPASS"}), boost::test_tools::per_element());
  world.now += 60'000'000;
  refuse("NOPERM");
  BOOST_TEST(world.told.size() == 3u);
  // Once all is subscribed, the next loss is news.
  world.subscriber.connect_and_confirm();
  world.subscriber.drop("NOPERM");
  BOOST_TEST(world.told.size() == 4u);
}

BOOST_AUTO_TEST_CASE(without_a_first_subscription_nothing_is_said_to_be_missing) {
  World world;
  world.subscriber.drop();
  BOOST_TEST(world.lines().empty());
}

BOOST_AUTO_TEST_CASE(a_report_counts_channels_rates_silences_losses_and_faults) {
  RecordingReport report;
  report.header({1, "", ""});
  const auto event = [&report](std::int64_t seconds, const char* channel, std::size_t size) {
    const std::string payload(size, 'x');
    report.event({Timestamp(std::chrono::seconds(1'795'356'300 + seconds)), channel, payload});
  };
  for (int i = 0; i < 100; ++i) event(i, "device:one:metrics", 1'000);
  event(150, "device:two:metrics", 3'000);
  event(140, "device:one:state", 10);
  BOOST_TEST(report.sound());
  report.loss(
      {Timestamp(std::chrono::seconds(1'795'356'350)), Timestamp(std::chrono::seconds(1'795'356'340)), "bus", 0});
  report.fault("rec:7 ", "is not valid JSON");
  BOOST_TEST(!report.sound());
  const std::string text = report.text(2);
  for (const char* part :
       {"102 events", "2 devices on 3 channels", "(2.5 min)", "device:one:metrics", "1 more channels",
        "1 events are older", "14:05:40.000Z to", "bus", "rec:7 is not valid JSON"})
    BOOST_TEST(contains(text, part), part << " in\n" << text);
  BOOST_TEST(!contains(text, "device:two"));
  BOOST_TEST(contains(report.text(0), "device:two:metrics"));
  const std::string json = report.json();
  for (const char* part :
       {R"("events":102,"bytes":103010,"largest":3000)", R"("channel":"device:two:metrics","events":1)",
        R"("lossCount":1)", R"("faults":["rec:7 is not valid JSON"],"faultCount":1)"})
    BOOST_TEST(contains(json, part), part << " in\n" << json);
}

BOOST_AUTO_TEST_CASE(text_of_a_recording_cannot_drive_a_terminal_and_an_empty_one_is_no_fault) {
  RecordingReport report;
  BOOST_TEST(contains(report.text(0), "0 events"));
  report.event({Timestamp(microseconds(5)), "device:\x1b[2J:metrics", "x"});
  BOOST_TEST(!contains(report.text(0), "\x1b"));
  BOOST_TEST(!contains(report.json(), "\x1b"));
}

BOOST_AUTO_TEST_CASE(a_timeline_has_a_bounded_number_of_steps_whatever_the_span) {
  Timeline timeline;
  for (std::int64_t i = 0; i < 100'000; ++i) timeline.add(Timestamp(std::chrono::seconds(i * 10)));
  BOOST_TEST(timeline.rates().size() <= 2 * Timeline::kSteps);
  double events = 0;
  for (const double rate : timeline.rates()) events += rate * std::chrono::duration<double>(timeline.step()).count();
  BOOST_TEST(std::abs(events - 100'000) < 1);
  // One at the other end of time.
  timeline.add(Timestamp(std::chrono::hours(24 * 365 * 8'000LL)));
  timeline.add(Timestamp{});
  BOOST_TEST(timeline.rates().size() <= 2 * Timeline::kSteps);
}

BOOST_AUTO_TEST_CASE(rates_are_those_of_the_last_seconds) {
  RateMeter meter;
  RateMeter::Time time{std::chrono::hours(1)};
  for (std::uint64_t i = 0; i < 100; ++i) meter.update(i * 10, time += std::chrono::milliseconds(100));
  BOOST_TEST(std::abs(meter.update(1'000, time += std::chrono::milliseconds(100)) - 100) < 1);
  double rate = 100;
  for (int i = 0; i < 25; ++i) rate = meter.update(1'000, time += std::chrono::milliseconds(100));
  BOOST_TEST(rate < 1);
  BOOST_TEST(grouped(1'234'567) == "1 234 567");
  BOOST_TEST(grouped(12) == "12");
}

BOOST_AUTO_TEST_SUITE_END()
