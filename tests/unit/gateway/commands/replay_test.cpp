// Replays: which events, in which order, when, and with which timestamps.
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/commands/replay_input.hpp"
#include "gateway/commands/replay_player.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;
using proto::Timestamp;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr const char* kOne = "3f1e0000-0000-4000-8000-000000000001";
constexpr const char* kTwo = "3f1e0000-0000-4000-8000-000000000002";

Timestamp at(long long ms) {
  return Timestamp(std::chrono::seconds(1'795'356'300)) + milliseconds(ms);
}

ReplayEvent event(long long ms, const std::string& payload = "{}", const char* device = kOne) {
  return {at(ms), "device:" + std::string(device) + ":metrics", payload, {}};
}

class ListInput final : public ReplayInput {
 public:
  explicit ListInput(std::vector<ReplayEvent> events) : events_(std::move(events)) {}
  std::optional<ReplayEvent> next() override {
    if (next_ == events_.size()) return std::nullopt;
    return events_[next_++];
  }
  void rewind() override {
    next_ = 0;
    ++rewinds;
  }
  double progress() const override { return static_cast<double>(next_) / static_cast<double>(events_.size()); }

  int rewinds = 0;

 private:
  const std::vector<ReplayEvent> events_;
  std::size_t next_ = 0;
};

struct ListOutput final : ReplayOutput {
  bool ready() override { return open; }
  bool event(const std::string& channel, const std::string& payload) override {
    if (texts.size() == most) return false;
    times.push_back(SteadyClock::now());
    texts.push_back(channel.substr(7, 36) + " " + payload);
    return true;
  }
  void lost(const std::string& reason) override { texts.push_back("lost " + reason); }
  void finish() override { finished = true; }

  std::vector<std::string> texts;
  std::vector<SteadyClock::time_point> times;
  std::size_t most = 1'000'000;
  bool open = true;
  bool finished = false;
};

std::vector<std::string> payloads(ReplayInput& input) {
  std::vector<std::string> all;
  while (const auto each = input.next()) all.push_back(each->lost.empty() ? each->payload : "lost " + each->lost);
  return all;
}

std::vector<std::string> in_range(const ReplayRange& range) {
  auto list = std::make_unique<ListInput>(std::vector<ReplayEvent>{event(0, "0"),
                                                                   event(500, "1", kTwo),
                                                                   event(1'000, "2"),
                                                                   {at(1'200), {}, {}, "bus"},
                                                                   event(2'000, "3", kTwo),
                                                                   event(1'500, "4")});
  RangeInput input(std::move(list), range);
  const std::vector<std::string> once = payloads(input);
  input.rewind();
  BOOST_TEST(payloads(input) == once, boost::test_tools::per_element());
  return once;
}

using Texts = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(Replay)

BOOST_AUTO_TEST_CASE(a_range_is_by_time_or_from_the_beginning_and_by_device) {
  BOOST_TEST(in_range({}) == (Texts{"0", "1", "2", "lost bus", "3", "4"}), boost::test_tools::per_element());
  ReplayRange range;
  range.from = *read_replay_point("1s");
  BOOST_TEST(in_range(range) == (Texts{"2", "lost bus", "3", "4"}), boost::test_tools::per_element());
  range.to = ReplayPoint{at(2'000), {}};
  BOOST_TEST(in_range(range) == (Texts{"2", "lost bus", "4"}), boost::test_tools::per_element());
  range = {};
  range.devices = {kTwo};
  BOOST_TEST(in_range(range) == (Texts{"1", "lost bus", "3"}), boost::test_tools::per_element());
  BOOST_TEST((read_replay_point("2026-11-22T14:05:00Z")->time.has_value()));
  BOOST_TEST(!read_replay_point("tomorrow").has_value());
  BOOST_TEST(!read_replay_point("").has_value());
}

BOOST_AUTO_TEST_CASE(recordings_are_played_in_order_and_what_cannot_be_read_is_told) {
  const test::TempDir dir;
  const std::string file =
      dir.write("rec.ndjson",
                "{\"pulsegate-recording\":1}\n{\"t\":5,\"channel\":\"a\",\"payload\":{\"x\":1}}\nbroken\n"
                "{\"t\":6,\"lost\":{\"from\":5,\"reason\":\"bus\"}}\n{\"t\":7,\"channel\":\"b\",\"payload64\":\"AAE=\"}"
                "\n{\"t\":8,\"cha");
  Texts told;
  RecordingInput input({file}, [&](const std::string& sentence) { told.push_back(sentence); });
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(payloads(input) == (Texts{"{\"x\":1}", "lost bus", std::string("\0\1", 2)}),
               boost::test_tools::per_element());
    input.rewind();
  }
  BOOST_REQUIRE(told.size() == 4u);
  BOOST_TEST(told[0] == file + ":3 is not valid JSON");
  BOOST_TEST(told[1] == file + ":6 has no end: whoever wrote it was stopped");
}

BOOST_AUTO_TEST_CASE(events_keep_their_distances_divided_by_the_speed) {
  for (const double speed : {1.0, 4.0}) {
    ListInput input({event(0), event(40), event(80), event(60), event(200)});
    ListOutput output;
    ReplayPlayer player(input, output, {speed, false, false, false});
    const SteadyClock::time_point begun = SteadyClock::now();  // the first event itself may come late
    player.play();
    BOOST_REQUIRE(output.times.size() == 5u);
    const double due[] = {0, 40, 80, 80, 200};  // the one that is out of order comes at once
    for (std::size_t i = 0; i < 5; ++i) {
      const double after = std::chrono::duration<double, std::milli>(output.times[i] - begun).count();
      BOOST_TEST(after >= due[i] / speed - 1);
      BOOST_TEST(after <= due[i] / speed + 500);  // how exactly is measured, not tested: machines are noisy
    }
    BOOST_TEST(output.finished);
    const ReplayStatus status = player.status();
    BOOST_TEST(status.over);
    BOOST_TEST(status.events == 5u);
    BOOST_TEST(status.progress == 1.0);
    BOOST_TEST((status.position == at(200)));
  }
}

BOOST_AUTO_TEST_CASE(as_fast_as_possible_is_the_same_order_and_bytes) {
  std::vector<ReplayEvent> events;
  for (int i = 0; i < 5'000; ++i) events.push_back(event(i * 1'000, std::to_string(i), i % 2 == 0 ? kOne : kTwo));
  ListInput input(events);
  ListOutput output;
  ReplayPlayer(input, output, {0, false, false, false}).play();
  BOOST_REQUIRE(output.texts.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i)
    BOOST_TEST(output.texts[i] == std::string(i % 2 == 0 ? kOne : kTwo) + " " + std::to_string(i));
}

BOOST_AUTO_TEST_CASE(a_loop_begins_again_until_it_is_stopped_and_an_empty_one_ends) {
  ListInput input({event(0, "a"), event(1, "b")});
  ListOutput output;
  output.most = 7;
  ReplayPlayer player(input, output, {0, false, true, false});
  player.play();  // ends when the output takes no more
  BOOST_TEST(output.texts.size() == 7u);
  BOOST_TEST(input.rewinds == 3);
  BOOST_TEST(player.status().rounds == 3u);
  ListInput nothing({});
  ReplayPlayer empty(nothing, output, {0, false, true, false});
  empty.play();
  BOOST_TEST(nothing.rewinds == 0);
  ListOutput closed;
  closed.open = false;
  ReplayPlayer(input, closed, {}).play();
  BOOST_TEST(closed.texts.empty());
}

BOOST_AUTO_TEST_CASE(stop_ends_a_long_wait) {
  ListInput input({event(0), event(3'600'000)});
  ListOutput output;
  ReplayPlayer player(input, output, {});
  std::thread playing([&] { player.play(); });
  BOOST_TEST(test::eventually([&] { return player.status().events == 1; }));
  player.stop();
  playing.join();
  BOOST_TEST(output.texts.size() == 1u);
}

BOOST_AUTO_TEST_CASE(steps_are_one_event_each_and_losses_are_passed_on) {
  ListInput input({event(0, "a"), {at(1), {}, {}, "queue"}, event(2, "b")});
  ListOutput output;
  ReplayPlayer player(input, output, {1, true, false, false});
  std::thread playing([&] { player.play(); });
  test::pause_for(test::Millis(20));
  BOOST_TEST(player.status().events == 0u);
  player.step();
  BOOST_TEST(test::eventually([&] { return player.status().events == 1; }));
  player.step();
  player.step();
  playing.join();
  BOOST_TEST(output.texts == (Texts{std::string(kOne) + " a", "lost queue", std::string(kOne) + " b"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(timestamps_become_those_of_now_and_nothing_else_changes) {
  using std::chrono::hours;
  const auto shifted = [](const std::string& payload) { return shift_timestamps(payload, hours(1)); };
  BOOST_TEST(shifted(R"({"timestamp":"2026-11-22T14:05:00.123Z","a":1})") ==
             R"({"timestamp":"2026-11-22T15:05:00.123Z","a":1})");
  BOOST_TEST(shifted(R"({"timestamp" :  "2026-11-22T14:05:00Z","m":{"timestamp":"2026-11-22T14:05:01Z"}})") ==
             R"({"timestamp" :  "2026-11-22T15:05:00.000Z","m":{"timestamp":"2026-11-22T15:05:01.000Z"}})");
  for (const char* same : {R"({"timestamp":5})", R"({"timestamp":"soon"})", R"({"time":"2026-11-22T14:05:00Z"})",
                           R"({"timestamp":")", R"({"timestamp")", "", R"(["timestamp","2026-11-22T14:05:00Z"])"})
    BOOST_TEST(shifted(same) == same);
  ListInput input({event(0, R"({"timestamp":"2026-11-22T14:05:00.000Z"})")});
  ListOutput output;
  ReplayPlayer(input, output, {0, false, false, true}).play();
  const std::string text = output.texts.at(0).substr(51, 24);
  const auto time = proto::parse_iso8601(text);
  BOOST_REQUIRE_MESSAGE(time.has_value(), output.texts[0]);
  // As far from now as it was from the recorder's clock.
  const auto wanted =
      *proto::parse_iso8601("2026-11-22T14:05:00.000Z") +
      (std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()) - at(0));
  BOOST_TEST(std::abs((*time - wanted).count()) < 60'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
