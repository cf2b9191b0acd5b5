#include "crowd.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

using Kind = ReceivedItem::Kind;

constexpr std::uint16_t kNoCode = 1006;

bool names_metrics(const Json& channels) {
  for (std::size_t i = 0; i < channels.size(); ++i)
    if (channels.at(i).string() == "metrics") return true;
  return false;
}

}  // namespace

std::optional<long long> Watcher::when_told(const std::string& what, long long from) const {
  for (const Told& each : told)
    if (each.at >= from && each.what == what) return each.at;
  return std::nullopt;
}

Crowd::Crowd(std::uint16_t port, const std::vector<std::string>& devices, std::size_t count, const WsOptions& options)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  members_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t device = i % devices.size();
    members_.push_back(std::make_unique<Member>(
        Member{WsClient::open(port, "/api/v1/devices/" + devices[device] + "/ws", without_contract(options)), {}}));
    Member& member = *members_.back();
    member.watcher.device = device;
    member.client.subscribe({"metrics", "history"});
    watch(i);
  }
  thread_ = std::thread([this] { run(); });
}

// Once more is once.
void Crowd::watch(std::size_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = index;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, members_[index]->client.socket().fd(), &event);
}

Crowd::~Crowd() {
  ending_ = true;
  thread_.join();
  ::close(epoll_);
}

void Crowd::run() {
  epoll_event events[128];
  while (!ending_) {
    const int count = ::epoll_wait(epoll_, events, 128, 20);
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) take_all(*members_[events[i].data.u64]);
  }
}

void Crowd::take_all(Member& member) {
  try {
    while (const auto message = member.client.receive(Millis(0))) {
      if (message->opcode == Opcode::close) return end(member, member.client.expect_close(Millis(0)).code);
      take(member.watcher, *message);
    }
    if (member.client.ended()) end(member, kNoCode);
  } catch (const std::exception&) {
    end(member, kNoCode);
  }
}

void Crowd::end(Member& member, std::uint16_t code) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, member.client.socket().fd(), nullptr);
  if (!member.watcher.end) member.watcher.end = Watcher::End{now_ms(), code};
  member.client.drop();
}

void Crowd::take(Watcher& watcher, const WsMessage& text) {
  // The most frequent and largest; nothing in it is of interest here.
  constexpr std::string_view kHistory = R"({"type":"history")";
  if (text.payload.compare(0, kHistory.size(), kHistory) == 0) {
    ++watcher.messages["history"];
    return;
  }
  const long long now = now_ms();
  const Json message = text.json();
  const std::string type = message.type();
  ++watcher.messages[type];
  if (type == "metrics") {
    take_sample(watcher, message, now);
  } else if (type == "status") {
    const Json data = message.at("data");
    for (const std::string& key : data.keys())
      if (key != "since") watcher.told.push_back({now, key + " " + data.at(key).string()});
  } else if (type == "error") {
    ++watcher.errors[message.at("data").at("code").string()];
  } else if (type == "subscribed" && message.at("channel").string() == "metrics") {
    ReceivedItem item;
    item.kind = Kind::acknowledged;
    item.at = now;
    watcher.session.received.push_back(item);
    watcher.watching = true;
  } else if (type == "gap" && names_metrics(message.at("data").at("channels"))) {
    ReceivedItem item;
    item.kind = Kind::gap;
    item.at = now;
    item.from = parse_iso_time(message.at("data").at("from").string());
    item.to = parse_iso_time(message.at("data").at("to").string());
    item.reason = message.at("data").at("reason").string();
    watcher.session.received.push_back(item);
  }
}

void Crowd::take_sample(Watcher& watcher, const Json& message, long long now) {
  ReceivedItem item;
  item.at = now;
  item.report = static_cast<int>(std::lround(message.at("data").at("cpu_usage").number())) - 1;
  item.time = parse_iso_time(message.at("timestamp").string());
  watcher.last_report = item.report;
  watcher.session.received.push_back(item);
}

bool Crowd::wait_for_all(const std::function<bool(const Watcher&)>& fact, Millis deadline) const {
  return eventually([&] { return count(fact) == members_.size(); }, deadline, Millis(20));
}

std::size_t Crowd::count(const std::function<bool(const Watcher&)>& fact) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [&](const auto& member) { return fact(member->watcher); }));
}

bool Crowd::wait_until_watching(Millis deadline) const {
  return wait_for_all([](const Watcher& watcher) { return watcher.watching; }, deadline);
}

std::vector<Watcher> Crowd::watchers() const {
  const std::lock_guard lock(mutex_);
  std::vector<Watcher> copies;
  for (const auto& member : members_) copies.push_back(member->watcher);
  return copies;
}

void Crowd::stop_reading(std::size_t count) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < count; ++i)
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, members_[i]->client.socket().fd(), nullptr);
}

void Crowd::read_again() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < members_.size(); ++i)
    if (!members_[i]->watcher.end) watch(i);
}

}  // namespace pulsegate::test
