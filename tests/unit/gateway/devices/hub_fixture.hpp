// A hub with a fake bus, a fake database and a manual clock; and clients that remember what they got.
#pragma once

#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "gateway/devices/hub.hpp"
#include "proto/message.hpp"
#include "tests/support/fake_history_source.hpp"
#include "tests/support/fake_snapshot_source.hpp"
#include "tests/support/fake_stream_source.hpp"
#include "tests/support/fake_subscriber.hpp"
#include "tests/support/json.hpp"

namespace pulsegate::test {

class ManualClock final : public Clock {
 public:
  Now now() const override { return now_; }
  void advance(std::chrono::microseconds by) {
    now_.steady += by;
    now_.wall += by;
  }

 private:
  Now now_{SteadyTime(std::chrono::hours(1)), proto::Timestamp(std::chrono::seconds(1'800'000'000))};
};

class HubFixture {
 public:
  enum class Database { present, none };
  enum class Stream { present, none };

  explicit HubFixture(const devices::DeviceConfig& config = {}, Database database = Database::present,
                      const std::vector<std::string>& pass_through = {}, Stream streams = Stream::none)
      : channels(pass_through) {
    hub = std::make_unique<devices::Hub>(
        config,
        devices::HubParts{channels, topics, zone, clock, subscriber, database == Database::present ? &source : nullptr,
                          database == Database::present ? &history : nullptr, tasks.executor(), [](bool) {},
                          [this](SteadyTime due) { due_ = due; },
                          [this](devices::Notice notice, std::string_view) { notices.push_back(notice); },
                          streams == Stream::present ? &stream : nullptr},
        42);
    subscriber.start(*hub);
    bus_up();
  }

  static std::string text(int number) {
    char id[37];
    std::snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", number);
    return id;
  }
  static proto::DeviceId device(int number) { return *proto::DeviceId::parse(text(number)); }

  // Runs what was posted to the shard, then everything that is due.
  void run() {
    while (tasks.run() > 0) {
    }
  }
  void advance(std::chrono::microseconds by) {
    const SteadyTime end = clock.now().steady + by;
    while (due_ <= end) {
      const SteadyTime due = due_;
      if (due > clock.now().steady)
        clock.advance(std::chrono::ceil<std::chrono::microseconds>(due - clock.now().steady));
      due_ = devices::kNever;
      hub->advance();
      run();
    }
    if (end > clock.now().steady)
      clock.advance(std::chrono::duration_cast<std::chrono::microseconds>(end - clock.now().steady));
  }

  // How long until the hub wants to be called, nothing else happening; never negative.
  std::chrono::microseconds idle() const {
    const SteadyTime now = clock.now().steady;
    if (due_ == devices::kNever || due_ <= now) return std::chrono::microseconds(due_ <= now ? 0 : 3'600'000'000);
    return std::chrono::ceil<std::chrono::microseconds>(due_ - now);
  }

  void confirm(const std::string& topic) { subscriber.confirm(topic); }
  void confirm_device(int number) {
    for (const std::string& topic : topics.topics_of(device(number))) subscriber.confirm(topic);
    run();
  }
  void bus_up() { subscriber.connect(); }
  void bus_down() {
    subscriber.drop();
    run();
  }
  // Lost, and there again at once: what was published in between is missed.
  void interrupt_bus(int number) {
    bus_down();
    bus_up();
    confirm_device(number);
  }
  void publish(const std::string& topic, const std::string& payload) { subscriber.deliver(topic, payload); }
  // A metrics report stamped now, whose other values never change.
  void publish_metrics(int number, double cpu, const std::string& more = {}) {
    std::string time;
    proto::append_iso8601(time, clock.now().wall);
    char value[64];
    std::snprintf(value, sizeof value, "%g", cpu);
    publish("device:" + text(number) + ":metrics",
            std::string(R"({"metrics":{"cpu_usage":)") + value + more + R"(},"timestamp":")" + time + R"("})");
  }
  // A row written `seconds` after now (negative: before), with the values of publish_metrics().
  storage::MetricsRow row(double cpu, double seconds) const {
    storage::MetricsRow result;
    result.recorded_at = clock.now().wall + std::chrono::microseconds(static_cast<long long>(seconds * 1e6));
    result.values[proto::Metric::cpu_usage].value = cpu;
    result.values[proto::Metric::cpu_usage].present = true;
    result.values[proto::Metric::cpu_usage].decimals = 2;
    return result;
  }
  // A snapshot of rows a second apart, the newest written `seconds_ago`.
  storage::Snapshot rows(std::initializer_list<double> cpu, double seconds_ago = 100) const {
    storage::Snapshot snapshot;
    double age = seconds_ago + static_cast<double>(cpu.size());
    for (const double value : cpu) snapshot.metrics.push_back(row(value, -(age -= 1)));
    snapshot.newest_metrics_json = R"({"cpu_usage":)" + std::to_string(*(cpu.end() - 1)) + "}";
    return snapshot;
  }
  // A state report stamped now. `processes`: a JSON array.
  void publish_state(int number, const std::string& hostname, const std::string& processes) {
    std::string time;
    proto::append_iso8601(time, clock.now().wall);
    publish("device:" + text(number) + ":state", R"({"state":{"hostname":")" + hostname + R"(","top_processes":)" +
                                                     processes + R"(},"timestamp":")" + time + R"("})");
  }
  // The latest state, written now, with every field `value`.
  storage::Snapshot state_row(const std::string& value, const std::string& processes) const {
    storage::Snapshot snapshot;
    snapshot.state.emplace();
    snapshot.state->recorded_at = clock.now().wall;
    for (std::string& json : snapshot.state->system.json) json = '"' + value + '"';
    snapshot.state->top_processes = processes;
    return snapshot;
  }
  // Answers the oldest read.
  void answer(const storage::Snapshot& snapshot) {
    source.answer(snapshot);
    run();
  }
  void fail(storage::SnapshotError error = storage::SnapshotError::unavailable) {
    source.fail(error);
    run();
  }
  void answer_all(const storage::Snapshot& snapshot) {
    while (source.outstanding() > 0) {
      source.answer(snapshot);
      run();
    }
  }
  std::size_t subscribed_topics() const { return subscriber.counters().wanted_topics; }

  ManualClock clock;
  proto::ChannelTable channels;
  proto::TopicTable topics{"", channels};
  proto::ClockFormat zone;
  TaskQueue tasks;
  FakeSubscriber subscriber;
  FakeSnapshotSource source;
  FakeHistorySource history;
  FakeStreamSource stream{tasks.executor()};
  std::unique_ptr<devices::Hub> hub;
  std::vector<devices::Notice> notices;

 private:
  SteadyTime due_ = devices::kNever;
};

// A member with a memory. Leaves the hub when it ends.
class TestClient final : private devices::Receiver {
 public:
  TestClient(HubFixture& fixture, const proto::DeviceId& device) : fixture_(fixture), member_(*this) {
    joined_ = fixture_.hub->join(device, member_);
  }
  ~TestClient() { fixture_.hub->leave(member_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Of a device that the bus has confirmed, and subscribed; what came until then is not remembered.
  TestClient(HubFixture& fixture, int number, const std::vector<proto::Channel>& channels)
      : TestClient(fixture, HubFixture::device(number)) {
    fixture.confirm_device(number);
    subscribe(channels);
    messages_.clear();
  }

  bool joined() const { return joined_; }
  void subscribe(const std::vector<proto::Channel>& channels, const devices::SubscribeOptions& options = {}) {
    fixture_.hub->subscribe(member_, channels, options);
  }
  void unsubscribe(const std::vector<proto::Channel>& channels) { fixture_.hub->unsubscribe(member_, channels); }

  // The same member, of another device or the same again.
  void move(const proto::DeviceId& device) {
    fixture_.hub->leave(member_);
    joined_ = fixture_.hub->join(device, member_);
  }

  bool query(proto::HistoryQuery query) { return fixture_.hub->query_history(member_, std::move(query)); }

  // It was too slow for what was sent of `history`.
  bool restore_history() { return fixture_.hub->restore_history(member_); }
  // Of the last channel message.
  const FramePtr& last_frame() const { return last_frame_; }

  // What has come since the last call.
  std::vector<Json> take() { return std::exchange(messages_, {}); }
  std::vector<std::string> take_types() {
    std::vector<std::string> types;
    for (const Json& message : take()) types.push_back(message.type());
    return types;
  }

 private:
  void deliver(proto::Channel, const FramePtr& frame) override {
    messages_.push_back(Json::parse(frame->payload()));
    last_frame_ = frame;
  }
  void deliver_control(const FramePtr& frame) override { messages_.push_back(Json::parse(frame->payload())); }
  void deliver_broadcast(const FramePtr& frame) override { deliver_control(frame); }
  void deliver_answer(const FramePtr& frame) override { messages_.push_back(Json::parse(frame->payload())); }

  HubFixture& fixture_;
  devices::Member member_;
  bool joined_ = false;
  std::vector<Json> messages_;
  FramePtr last_frame_;
};

inline int count_type(const std::vector<Json>& messages, const std::string& type) {
  int count = 0;
  for (const Json& message : messages) count += message.type() == type;
  return count;
}

// Those of one type.
inline std::vector<Json> only(const std::vector<Json>& messages, const std::string& type) {
  std::vector<Json> found;
  for (const Json& message : messages)
    if (message.type() == type) found.push_back(message);
  return found;
}

// Whether a `status` says so.
inline bool says(const std::vector<Json>& messages, const std::string& member, const std::string& value) {
  for (const Json& message : messages) {
    if (message.type() != "status") continue;
    const Json data = message.at("data");
    if (data.has(member) && data.at(member).string() == value) return true;
  }
  return false;
}

// Throws when there is none.
inline Json last_of_type(const std::vector<Json>& messages, const std::string& type) {
  for (auto it = messages.rbegin(); it != messages.rend(); ++it)
    if (it->type() == type) return *it;
  throw std::runtime_error("no message of type " + type);
}

inline std::vector<int> cpu_of_history(const Json& message) {
  std::vector<int> values;
  const Json points = message.at("data").at("cpu");
  for (std::size_t i = 0; i < points.size(); ++i) values.push_back(static_cast<int>(points.at(i).at("value").number()));
  return values;
}

}  // namespace pulsegate::test
