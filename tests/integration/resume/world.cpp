#include "world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/support/guide_schema.hpp"
#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

constexpr int kWindow = 30;
// The longest time from a report to the next, and from Redis being back to a gateway that is subscribed again.
constexpr long long kLongestPauseMs = 6'000;
constexpr long long kClocksApartMs = 10'000;

// The replica that reads watched devices again and again. Only then equal values are sure to be counted right: at the
// second look a row of a report from before our subscription may be taken for that of an equal event whose own row is
// still to come. The other must come by with the second look.
constexpr std::size_t kRereading = 1;

std::string uuid_of(std::size_t device) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012x", static_cast<unsigned>(device + 1));
  return text;
}

}  // namespace

std::uint64_t world_seed() {
  const char* text = std::getenv("PULSEGATE_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'261'122;
}

World::World(const WorldOptions& options, std::uint64_t seed) : options_(options) {
  redis_.start();
  postgres_.start();
  postgres_.create_guide_schema();
  api_ = std::make_unique<ApiServer>(make_devices(seed));
  for (std::size_t i = 0; i < surroundings_.ports.size(); ++i) {
    std::vector<std::string> args = {"--redis",  redis_.url(),    "--database", postgres_.connection_string(),
                                     "--auth",   "none",          "--row-lag",  options_.row_lag,
                                     "--linger", options_.linger, "--shards",   std::to_string(i + 1)};
    if (i == kRereading) args.insert(args.end(), {"--reread", "5s"});
    replicas_.push_back(std::make_unique<GatewayProcess>(std::move(args)));
    surroundings_.ports[i] = replicas_.back()->port();
  }
  make_viewers(seed);
}

// Every combination of habits occurs among 30 devices; which ones a device has does not depend on the seed.
ApiOptions World::make_devices(std::uint64_t seed) {
  using Storage = DeviceHabits::Storage;
  for (std::size_t i = 0; i < options_.devices; ++i) {
    DeviceHabits device;
    device.uuid = uuid_of(i);
    device.storage = std::array{Storage::direct, Storage::batches, Storage::stream}[i % 3];
    device.one_stamp = i / 3 % 2 == 1;
    device.constant = i % 5 == 4;
    device.frequent = i % 2 == 0;
    device.doubles = !device.constant && i / 2 % 2 == 0;
    devices_.push_back(device);
  }
  return {redis_.port(), postgres_.connection_string(), devices_, options_.longest_row_delay, seed};
}

void World::make_viewers(std::uint64_t seed) {
  using Memory = Dashboard::Memory;
  const std::array memories{Memory::cursor, Memory::time, Memory::cursor, Memory::none, Memory::cursor};
  for (std::size_t i = 0; i < devices_.size(); ++i)
    for (std::size_t client = 0; client <= i / 5 % 3; ++client) {
      const Memory memory = memories[viewers_.size() % memories.size()];
      viewers_.push_back(
          {i, std::make_unique<Dashboard>(surroundings_, devices_[i], memory, seed * 1'000 + viewers_.size() + 1)});
    }
}

Faults World::run() {
  std::vector<std::thread> threads;
  threads.emplace_back([this] { api_->run(); });
  for (Viewer& viewer : viewers_) threads.emplace_back([&viewer] { viewer.dashboard->run(); });
  try {
    live();
  } catch (const std::exception& error) {
    faults_.push_back(error.what());
  }
  api_->finish();
  surroundings_.phase = Surroundings::Phase::ending;
  for (std::thread& thread : threads) thread.join();
  if (!api_->failure().empty()) faults_.push_back("the API server stopped: " + api_->failure());
  for (const Viewer& viewer : viewers_) judge(viewer);
  return faults_;
}

void World::live() {
  pause_for(options_.run / 2);
  strike();
  pause_for(options_.run / 2);
  surroundings_.phase = Surroundings::Phase::staying;
  if (!wait_for(
          "is watching", [](const Viewer& v) { return v.dashboard->watching(); }, kServerDeadline))
    return;
  // What is published from here on everybody hears, so there is an end that everybody must reach.
  api_->finish();
  if (!eventually([this] { return api_->done(); }, kServerDeadline, Millis(50))) faults_.push_back("no end of reports");
  const auto complete = [this](const Viewer& viewer) {
    const int count = static_cast<int>(api_->published(viewer.device).size());
    const std::vector<int> window = viewer.dashboard->window();
    if (devices_[viewer.device].constant) return window.size() >= points_owed(viewer);
    return viewer.dashboard->last_report() == count - 1 && check_window(window, count, kWindow).empty();
  };
  // The last correction comes with the look that follows everybody's last read by the row lag and a second.
  wait_for("has every sample", complete, options_.row_lag_ms + kDeadline);
}

void World::strike() {
  switch (options_.mishap) {
    case Mishap::none:
      break;
    case Mishap::redis_restarts: {
      const long long from = now_ms();
      redis_.kill();
      pause_for(Millis(1'500));
      redis_.start();
      outages_.push_back({from, now_ms()});
      break;
    }
    case Mishap::replica_dies:
      surroundings_.ports[0] = 0;
      replicas_[0]->kill();
      break;
  }
}

bool World::wait_for(const char* what, const std::function<bool(const Viewer&)>& fact, Millis deadline) {
  const auto all = [&] { return std::all_of(viewers_.begin(), viewers_.end(), fact); };
  if (eventually(all, deadline, Millis(50))) return true;
  const auto missing = std::count_if(viewers_.begin(), viewers_.end(), [&](const Viewer& v) { return !fact(v); });
  faults_.push_back("not everybody " + std::string(what) + " in time: " + std::to_string(missing) + " clients");
  return false;
}

ResumeRules World::rules() const {
  return {options_.row_lag_ms.count(), outages_, kLongestPauseMs, kClocksApartMs};
}

void World::judge(const Viewer& viewer) {
  const std::vector<PublishedReport> published = api_->published(viewer.device);
  const DeviceHabits& device = devices_[viewer.device];
  const auto& sessions = viewer.dashboard->sessions();
  Faults faults = viewer.dashboard->faults();
  const auto add = [&](const Faults& more, const std::string& where) {
    for (const std::string& fault : more) faults.push_back(where + fault);
  };
  if (sessions.empty() || !sessions.back().to_the_end) faults.push_back("it did not stay to the end");
  if (device.constant) {
    // A chain begins with each session that remembers nothing.
    auto begin = sessions.begin();
    while (begin != sessions.end()) {
      const auto end = std::find_if(begin + 1, sessions.end(),
                                    [](const ClientSession& s) { return s.since == ClientSession::Since::none; });
      add(check_constant_chain(published, {begin, end}, rules()), "");
      begin = end;
    }
    if (viewer.dashboard->window().size() < points_owed(viewer))
      faults.push_back("the last window lacks points: there must be " + std::to_string(points_owed(viewer)));
  } else {
    for (std::size_t i = 0; i < sessions.size(); ++i)
      add(check_session(published, sessions[i], rules()), "session " + std::to_string(i + 1) + ": ");
    add(check_window(viewer.dashboard->window(), static_cast<int>(published.size()), kWindow), "the last window: ");
  }
  if (faults.empty()) return;

  std::string text;
  for (const std::string& fault : faults) text += fault + "\n";
  text += viewer.dashboard->story() + "  published:";
  for (std::size_t i = 0; i < published.size(); ++i)
    text += "\n  " + iso_time(published[i].time).substr(11) + " " + std::to_string(i) +
            (published[i].doubled ? " doubled" : "") + (published[i].on_bus ? "" : " not on the bus");
  faults_.push_back(text);
}

// How many points the last window of a device has whose reports are all alike.
std::size_t World::points_owed(const Viewer& viewer) const {
  const bool all = viewer.dashboard->replica() == kRereading;
  const std::size_t count = all ? api_->published(viewer.device).size() : viewer.dashboard->events();
  return std::min<std::size_t>(kWindow, count);
}

std::string World::summary() const {
  std::size_t reports = 0, sessions = 0, samples = 0, gaps = 0, since = 0, cursors = 0, resumed = 0;
  for (std::size_t i = 0; i < devices_.size(); ++i) reports += api_->published(i).size();
  for (const Viewer& viewer : viewers_)
    for (const ClientSession& session : viewer.dashboard->sessions()) {
      ++sessions;
      since += session.since == ClientSession::Since::none ? 0 : 1;
      cursors += session.since == ClientSession::Since::cursor ? 1 : 0;
      for (const ReceivedItem& item : session.received) {
        samples += item.kind == ReceivedItem::Kind::sample ? 1 : 0;
        gaps += item.kind == ReceivedItem::Kind::gap ? 1 : 0;
        resumed += item.resumed.value_or(false) ? 1 : 0;
      }
    }
  return std::to_string(reports) + " reports of " + std::to_string(devices_.size()) + " devices, " +
         std::to_string(viewers_.size()) + " clients, " + std::to_string(sessions) + " sessions, " +
         std::to_string(since) + " with since, " + std::to_string(cursors) + " with a cursor, " +
         std::to_string(resumed) + " resumed, " + std::to_string(gaps) + " gaps, " + std::to_string(samples) +
         " samples";
}

}  // namespace pulsegate::test
