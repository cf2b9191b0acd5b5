// Interleavings drawn at random: clients that come, go and change their minds, a bus and a database that fail, rows
// that are written late. Whatever happens, what a client is told must be consistent, and once it is calm again
// everybody must see the truth.
#include <boost/test/unit_test.hpp>

#include <deque>
#include <map>
#include <random>
#include <stdexcept>

#include "history_client.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::milliseconds;

namespace {

const std::map<std::string, Channel> kChannels = {{"metrics", Channel::metrics},
                                                  {"system-info", Channel::system_info},
                                                  {"processes", Channel::processes},
                                                  {"history", Channel::history}};

struct Trouble {
  bool bus = false;
  bool database = false;
  bool clients = false;  // they reload, and unsubscribe
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// One client, and what it knows from its messages.
class Viewer {
 public:
  // `history`: the form in which it asks for that, always of 30 points.
  // `times`: when each sample was published.
  Viewer(HubFixture& f, const devices::SubscribeOptions& history, const std::map<int, proto::Timestamp>& times)
      : client_(f, f.device(1)), options_(history), times_(times) {}

  void subscribe(const std::vector<std::string>& names) {
    std::vector<Channel> channels;
    for (const std::string& name : names) {
      channels.push_back(kChannels.at(name));
      wanted_[name] = true;
    }
    client_.subscribe(channels, options_);
  }
  // As if it had not taken what was sent.
  void lose_history() {
    read();
    if (wanted_.count("history") > 0 && acknowledged_.count("history") > 0) client_.restore_history();
  }
  void unsubscribe(const std::string& name) {
    client_.unsubscribe({kChannels.at(name)});
    read();  // what was on its way comes before the answer
    wanted_.erase(name);
    acknowledged_.erase(name);
    if (name == "history") history_.clear();
    if (name == "metrics") received_.clear(), expected_.clear(), gaps_.clear();
  }
  // An event is published now; Redis may not deliver it.
  void expect(int sample, proto::Timestamp time) {
    if (acknowledged_.count("metrics") > 0) expected_[sample] = time;
  }

  void read() {
    for (const Json& message : client_.take()) {
      const std::string type = message.type();
      if (type == "subscribed") {
        const std::string name = message.at("channel").string();
        acknowledged_[name] = 0;
        if (name == "metrics") first_value_may_follow_ = true;
      } else if (type == "gap") {
        read_gap(message.at("data"));
      } else if (type == "status") {
        read_status(message.at("data"));
      } else if (kChannels.count(type) > 0) {
        if (acknowledged_.count(type) == 0) fail(type + " without an acknowledgement");
        ++acknowledged_[type];
        read_value(type, message.at("data"), message);
      }
    }
  }

  bool sees_something() const { return !acknowledged_.empty(); }
  // "live", "stale" or "unknown"; whoever was told nothing takes it for live.
  const std::string& device() const { return device_; }

  // Everything is calm: `samples` and `states` have been published in all.
  void check_the_truth(int samples, int states) {
    read();
    check_metrics();
    for (const auto& [name, yes] : wanted_) {
      if (acknowledged_.count(name) == 0) fail(name + " was never acknowledged");
      const bool known = name == "metrics" || name == "history" ? samples > 0 : states > 0;
      if (known && acknowledged_[name] == 0) fail("nothing of " + name + " since its acknowledgement");
    }
    if (bus_ == "down") fail("still told that the bus is down");
    if (database_ == "down" && !wanted_.empty()) fail("still told that the database is down");
    if (device_ == "unknown" && samples > 0) fail("still told that the device is unknown");
    if (wanted_.count("processes") > 0 && states > 0 && processes_ != "[" + std::to_string(states) + "]")
      fail("processes " + processes_ + " instead of " + std::to_string(states));
    if (wanted_.count("system-info") > 0 && states > 0 && hostname_ != "h" + std::to_string(states))
      fail("hostname " + hostname_ + " instead of h" + std::to_string(states));
    std::vector<int> truth;
    for (int i = std::max(1, samples - 29); i <= samples; ++i) truth.push_back(i);
    if (wanted_.count("history") > 0 && samples > 0 && history_ != truth) fail("history is not the last samples");
  }

 private:
  void read_status(const Json& data) {
    if (data.has("bus")) {
      if (bus_ == data.at("bus").string()) fail("told twice that the bus is " + bus_);
      bus_ = data.at("bus").string();
    }
    if (data.has("database")) database_ = data.at("database").string();
    if (!data.has("device")) return;
    if (device_ == data.at("device").string()) fail("told twice that the device is " + device_);
    device_ = data.at("device").string();
  }
  void read_value(const std::string& type, const Json& data, const Json& message) {
    if (type == "history") {
      if (message.at("mode").string() == "replace") history_.clear();
      for (const int value : cpu_of_history(message)) history_.push_back(value);
      if (history_.size() > 30) history_.erase(history_.begin(), history_.end() - 30);
    }
    if (type == "processes") processes_ = data.at("top_processes").text();
    if (type == "system-info") hostname_ = data.at("hostname").string();
    if (type == "metrics") {
      const int sample = static_cast<int>(data.at("cpu_usage").number());
      if (!first_value_may_follow_ && !received_.empty() && sample <= received_.back())
        fail("metrics " + std::to_string(sample) + " after " + std::to_string(received_.back()));
      // While the bus is away the newest row is where a client begins.
      if (std::exchange(first_value_may_follow_, false) && bus_ == "down")
        expected_.erase(expected_.begin(), expected_.lower_bound(sample));
      received_.push_back(sample);
      received_at_[*proto::parse_iso8601(message.at("timestamp").string())] = sample;
    }
  }
  void read_gap(const Json& data) {
    if (data.at("channels").text().find("metrics") == std::string::npos) return;
    proto::Timestamp from = *proto::parse_iso8601(data.at("from").string());
    // A row is stamped after its event: what begins at a row begins at that sample.
    if (const auto begin = received_at_.find(from); begin != received_at_.end())
      from = std::min(from, times_.at(begin->second));
    gaps_.emplace_back(from, *proto::parse_iso8601(data.at("to").string()));
    if (gaps_.back().first > gaps_.back().second) fail("a gap that ends before it begins");
  }
  // Each event since the acknowledgement, once and in order, but for those that a gap has named.
  void check_metrics() {
    for (const auto& [sample, time] : expected_) {
      const auto excuses = [at = time](const auto& gap) {
        return gap.first - milliseconds(1) <= at && at <= gap.second + milliseconds(1);
      };
      const bool received = std::find(received_.begin(), received_.end(), sample) != received_.end();
      if (!received && std::none_of(gaps_.begin(), gaps_.end(), excuses))
        fail("metrics " + std::to_string(sample) + " is missing");
    }
    received_.clear();
    expected_.clear();
    gaps_.clear();
  }

  TestClient client_;
  const devices::SubscribeOptions options_;
  const std::map<int, proto::Timestamp>& times_;
  std::map<std::string, bool> wanted_;
  std::map<std::string, int> acknowledged_;  // and how many messages have come since
  std::map<int, proto::Timestamp> expected_;
  std::vector<std::pair<proto::Timestamp, proto::Timestamp>> gaps_;
  std::map<proto::Timestamp, int> received_at_;  // by the messages' own times
  std::vector<int> received_, history_;
  bool first_value_may_follow_ = false;
  std::string bus_, database_, device_ = "live", processes_, hostname_;
};

class World {
 public:
  World(std::uint64_t seed, const Trouble& trouble) : random_(seed), trouble_(trouble) {}

  void run() {
    for (int i = draw(25); i > 0; --i) {
      pass(200 + draw(1500));
      publish();
      if (one_in(3)) publish_state();
    }
    come(viewers_[0]);
    for (int step = 0; step < 60; ++step) act();
    calm_down();
    std::string device;
    for (const auto& viewer : viewers_) {
      if (!viewer) continue;
      viewer->check_the_truth(samples_, states_);
      if (!viewer->sees_something()) continue;
      if (device.empty()) device = viewer->device();
      if (device != viewer->device()) fail("one is told " + device + ", another one " + viewer->device());
    }
  }

 private:
  int draw(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool one_in(int times) { return draw(times) == 0; }

  void act() {
    std::unique_ptr<Viewer>& viewer = viewers_[static_cast<std::size_t>(draw(3))];
    switch (draw(10)) {
      case 0:
      case 1:
      case 2:
        pass(100 + draw(1500));
        return publish();
      case 3:
        return publish_state();
      case 4:
        return look();
      case 5:
        return answer(!trouble_.database || !one_in(3));
      case 6:
        return trouble_.bus && one_in(3) ? toggle_bus() : confirm();
      case 7:
        return pass(one_in(40) ? 310'000 : one_in(4) ? 18'000 : 3'000);
      case 8:
        return viewer ? subscribe(*viewer) : come(viewer);
      default:
        if (!trouble_.clients || !viewer) return confirm();
        if (one_in(2)) return viewer.reset();
        if (one_in(4)) return viewer->lose_history();
        for (const auto& [name, channel] : kChannels)
          if (one_in(2)) viewer->unsubscribe(name);
    }
  }

  void calm_down() {
    if (!f_.subscriber.up()) toggle_bus();
    confirm();
    for (auto& viewer : viewers_)
      if (!viewer && one_in(2)) come(viewer);
    for (int second = 0; second < 90; ++second) {
      confirm();
      pass(1'000);
      look();
      answer(true);
    }
  }

  void pass(int ms) {
    for (; ms > 0; ms -= 500) {
      f_.advance(milliseconds(std::min(ms, 500)));
      write_rows();
      read_all();
    }
  }
  void publish() {
    ++samples_;
    if (confirmed()) heard_ = f_.clock.now().steady;
    for (const auto& viewer : viewers_)
      if (viewer) viewer->expect(samples_, f_.clock.now().wall);
    times_[samples_] = f_.clock.now().wall;
    f_.publish_metrics(1, samples_, R"(,"event":1)");
    rows_due_.push_back({samples_, later(rows_due_, 10'000)});
    read_all();
  }
  void publish_state() {
    ++states_;
    if (confirmed()) heard_ = f_.clock.now().steady;
    f_.publish_state(1, "h" + std::to_string(states_), "[" + std::to_string(states_) + "]");
    states_due_.push_back({states_, later(states_due_, 10'000)});
    read_all();
  }
  using Due = std::deque<std::pair<int, proto::Timestamp>>;
  // Rows are written in order.
  proto::Timestamp later(const Due& due, int ms) {
    const proto::Timestamp time = f_.clock.now().wall + milliseconds(draw(ms));
    return due.empty() ? time : std::max(time, due.back().second);
  }
  void write_rows() {
    const proto::Timestamp now = f_.clock.now().wall;
    for (; !rows_due_.empty() && rows_due_.front().second <= now; rows_due_.pop_front())
      table_.metrics.push_back(f_.row(rows_due_.front().first, 0));
    f_.history.rows(f_.device(1)) = table_.metrics;
    for (; !states_due_.empty() && states_due_.front().second <= now; states_due_.pop_front()) {
      const std::string number = std::to_string(states_due_.front().first);
      table_.state = f_.state_row("h" + number, "[" + number + "]").state;
    }
  }
  // The database reads now and answers later.
  void look() {
    if (seen_ || f_.source.outstanding() == 0) return;
    seen_ = table_;
    if (!table_.metrics.empty())
      seen_->newest_metrics_json =
          R"({"cpu_usage":)" + std::to_string(table_.metrics.back().values[proto::Metric::cpu_usage].value) + "}";
  }
  void answer(bool well) {
    if (f_.source.outstanding() == 0 || (well && !seen_)) return;
    well ? f_.answer(*seen_) : f_.fail();
    seen_.reset();
    read_all();
  }
  void toggle_bus() {
    f_.subscriber.up() ? f_.bus_down() : f_.bus_up();
    read_all();
  }
  void confirm() {
    if (f_.subscriber.up() && !f_.subscriber.topics().empty()) f_.confirm_device(1);
    read_all();
  }
  bool confirmed() const {
    return f_.subscriber.up() && !f_.subscriber.topics().empty() && f_.subscriber.awaiting().empty();
  }
  void come(std::unique_ptr<Viewer>& viewer) {
    // Some in the default form, some appending.
    viewer = std::make_unique<Viewer>(f_, one_in(2) ? devices::SubscribeOptions{} : append(30), times_);
    subscribe(*viewer);
  }
  void subscribe(Viewer& viewer) {
    std::vector<std::string> names;
    for (const auto& [name, channel] : kChannels)
      if (one_in(2)) names.push_back(name);
    if (!names.empty()) viewer.subscribe(names);
    f_.run();
    read_all();
  }
  // The gauges, which are kept, against the one device that there may be, which is asked.
  void check_gauges() {
    const HubCounters& counted = f_.hub->counters();
    const auto device = f_.hub->report(f_.device(1));
    std::uint64_t devices = 0, fresh = 0;
    for (std::size_t i = 0; i < kDevicePhases; ++i) {
      devices += counted.devices[i];
      if (device && (device->phase == std::string(kDevicePhaseNames[i])) != (counted.devices[i] == 1))
        fail("the gauge of phases is wrong");
    }
    for (std::size_t i = 0; i < counted.freshness.size(); ++i) {
      fresh += counted.freshness[i];
      if (device && (static_cast<std::size_t>(device->freshness) == i) != (counted.freshness[i] == 1))
        fail("the gauge of freshness is wrong");
    }
    const std::uint64_t there = device ? 1 : 0;
    if (devices != there || fresh != there) fail("the gauges count devices that are not there");
    if (counted.remembered_bytes != (device ? device->remembered_bytes : 0)) fail("the gauge of bytes is wrong");
  }
  void read_all() {
    check_gauges();
    for (const auto& viewer : viewers_) {
      if (!viewer) continue;
      viewer->read();
      if (viewer->device() == "stale" && f_.clock.now().steady - heard_ < milliseconds(15'000))
        fail("stale, and has just been heard");
    }
  }

  std::mt19937_64 random_;
  const Trouble trouble_;
  HubFixture f_;
  std::map<int, proto::Timestamp> times_;
  std::unique_ptr<Viewer> viewers_[3];
  int samples_ = 0, states_ = 0;
  Due rows_due_, states_due_;  // published, and when their rows are written
  storage::Snapshot table_;
  std::optional<storage::Snapshot> seen_;
  SteadyTime heard_{};  // the last event that was delivered
};

void run_worlds(const Trouble& trouble) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    try {
      World(seed, trouble).run();
    } catch (const std::exception& fault) {
      BOOST_ERROR("seed " << seed << ": " << fault.what());
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubFuzz)

BOOST_AUTO_TEST_CASE(nothing_fails) {
  run_worlds({});
}
BOOST_AUTO_TEST_CASE(the_bus_fails) {
  run_worlds({true, false, false});
}
BOOST_AUTO_TEST_CASE(the_database_fails) {
  run_worlds({false, true, false});
}
BOOST_AUTO_TEST_CASE(clients_come_and_go) {
  run_worlds({false, false, true});
}
BOOST_AUTO_TEST_CASE(everything_at_once) {
  run_worlds({true, true, true});
}

BOOST_AUTO_TEST_SUITE_END()
