#include "dashboard.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <utility>

#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

using Kind = ReceivedItem::Kind;

// How long a client listens before it looks at the world again.
constexpr Millis kTick{50};

bool has_channel(const Json& channels, const std::string& name) {
  for (std::size_t i = 0; i < channels.size(); ++i)
    if (channels.at(i).string() == name) return true;
  return false;
}

}  // namespace

Dashboard::Dashboard(Surroundings& world, const DeviceHabits& device, Memory memory, std::uint64_t seed)
    : world_(world), device_(device), memory_(memory), random_(seed) {}

void Dashboard::run() {
  pause_for(between(0, 3'000));
  while (world_.phase != Phase::ending) {
    const std::size_t replica = random_() % world_.ports.size();
    const std::uint16_t port = world_.ports[replica];
    if (port == 0) continue;
    try {
      one_session(WsClient::open(port, "/api/v1/devices/" + device_.uuid + "/ws"), replica);
    } catch (const std::exception& error) {
      // Nobody there, for instance because the replica was killed at this moment.
      note(error.what());
    }
    {
      const std::lock_guard lock(mutex_);
      watching_ = false;
    }
    const Deadline away(between(0, 6'000));
    while (world_.phase == Phase::random && !away.passed()) pause_for(kTick);
  }
}

void Dashboard::one_session(WsClient client, std::size_t replica) {
  subscribe(client, replica);
  const Deadline stay(between(300, 8'000));
  while (!client.ended() && world_.phase != Phase::ending) {
    if (world_.phase == Phase::random && stay.passed()) {
      note("connection lost");
      client.drop(random_() % 2 == 0);
      return;
    }
    if (const auto message = client.receive(kTick)) {
      if (message->opcode == Opcode::close) return note("closed by the server");
      take(message->json());
    }
  }
  if (client.ended()) return note("the server is gone");
  // Whatever has been published by now has been sent before this is answered.
  for (const Json& message : client.expect_until_pong()) take(message);
  const std::lock_guard lock(mutex_);
  sessions_.back().to_the_end = true;
}

void Dashboard::subscribe(WsClient& client, std::size_t replica) {
  ClientSession session;
  std::string since;
  if (seen_ && memory_ != Memory::none) {
    const bool exact = memory_ == Memory::cursor && !seen_->cursor.empty();
    session.since = exact ? ClientSession::Since::cursor : ClientSession::Since::time;
    session.since_report = seen_->report;
    session.since_time = parse_iso_time(seen_->timestamp);
    since = R"("since":")" + (exact ? seen_->cursor : seen_->timestamp) + "\"";
  }
  {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(session);
    window_.clear();
    last_report_ = -1;
    replica_ = replica;
    samples_ = 0;
  }
  note("subscribes on replica " + std::to_string(replica) + " " + since +
       (seen_ ? ", that of report " + std::to_string(seen_->report) : ""));
  client.subscribe({"metrics", "history"}, since);
}

void Dashboard::take(const Json& message) {
  const std::string type = message.type();
  ReceivedItem item;
  item.at = now_ms();
  if (type == "history") return take_history(message);
  note(message.text());
  if (type == "metrics") return take_sample(message, item);
  if (type == "subscribed" && message.at("channel").string() == "metrics") {
    item.kind = Kind::acknowledged;
    if (message.has("resumed")) item.resumed = message.at("resumed").boolean();
  } else if (type == "gap" && has_channel(message.at("data").at("channels"), "metrics")) {
    item.kind = Kind::gap;
    item.from = parse_iso_time(message.at("data").at("from").string());
    item.to = parse_iso_time(message.at("data").at("to").string());
    item.reason = message.at("data").at("reason").string();
  } else {
    if (type == "error") faults_.push_back("an error: " + message.text());
    return;
  }
  const std::lock_guard lock(mutex_);
  watching_ = watching_ || item.kind == Kind::acknowledged;
  sessions_.back().received.push_back(item);
}

void Dashboard::take_sample(const Json& message, ReceivedItem item) {
  const Json data = message.at("data");
  item.kind = Kind::sample;
  item.report = report_of(data.at("network_rx").number());
  item.time = parse_iso_time(message.at("timestamp").string());
  if (!device_.constant && item.report >= 0 && data.at("cpu_usage").number() != item.report + 0.25)
    faults_.push_back("a sample of two reports: " + message.text());
  seen_ =
      Seen{message.has("cursor") ? message.at("cursor").string() : "", message.at("timestamp").string(), item.report};
  const std::lock_guard lock(mutex_);
  last_report_ = item.report;
  ++samples_;
  sessions_.back().received.push_back(item);
}

void Dashboard::take_history(const Json& message) {
  const Json network = message.at("data").at("network");
  std::vector<int> reports;
  std::string line = "history";
  for (std::size_t i = 0; i < network.size(); ++i) {
    reports.push_back(report_of(network.at(i).at("download").number()));
    line += " " + std::to_string(reports.back());
  }
  note(device_.constant ? "history of " + std::to_string(reports.size()) : line);
  // Rows may still be missing in between, but never does a sample stand twice or before an older one.
  if (!device_.constant && std::adjacent_find(reports.begin(), reports.end(), std::greater_equal<>()) != reports.end())
    faults_.push_back("a window with a point too many or in the wrong place: " + line);
  const std::lock_guard lock(mutex_);
  window_ = std::move(reports);
}

// -1: of none, or, where all are alike, not known.
int Dashboard::report_of(double value) const {
  return device_.constant || value < kFirstValue ? -1
                                                 : static_cast<int>(std::lround(value)) - static_cast<int>(kFirstValue);
}

bool Dashboard::watching() const {
  const std::lock_guard lock(mutex_);
  return watching_;
}

int Dashboard::last_report() const {
  const std::lock_guard lock(mutex_);
  return last_report_;
}

std::size_t Dashboard::replica() const {
  const std::lock_guard lock(mutex_);
  return replica_;
}

std::size_t Dashboard::events() const {
  const std::lock_guard lock(mutex_);
  return samples_ == 0 ? 0 : samples_ - 1;
}

std::vector<int> Dashboard::window() const {
  const std::lock_guard lock(mutex_);
  return window_;
}

void Dashboard::note(const std::string& line) {
  story_.push_back(iso_time(now_ms()).substr(11) + " " + line);
}

std::string Dashboard::story() const {
  const char* memories[] = {"cursor", "time", "nothing"};
  std::string text = "device " + device_.uuid + ", remembers " + memories[static_cast<int>(memory_)] + "\n";
  for (const std::string& line : story_) text += "  " + line + "\n";
  return text;
}

}  // namespace pulsegate::test
