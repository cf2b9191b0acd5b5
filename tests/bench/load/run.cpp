// The epoll loop. Publishing goes first: between every few clients it is looked whether an event is due, so that a long
// turn does not bunch events up that were meant to come evenly.
#include "tests/bench/load/run.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "tests/bench/load/socket.hpp"

namespace pulsegate::bench {
namespace {

constexpr std::uint64_t kPublisherBit = std::uint64_t{1} << 32;
constexpr std::uint64_t kSettle = 300'000;  // us between the last `subscribed` and the first event
constexpr int kEventsPerTurn = 256;
constexpr std::uint64_t kSecond = 1'000'000;

std::uint64_t to_us(double seconds) {
  return static_cast<std::uint64_t>(seconds * 1e6);
}

void watch(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, operation, fd, &event) < 0) throw std::runtime_error("epoll_ctl failed");
}

}  // namespace

Run::Run(const Options& options)
    : options_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      clients_(options.clients),
      buffer_(256 * 1024),
      publisher_(options) {
  writing_.resize(publisher_.connections());
  for (std::size_t i = 0; i < publisher_.connections(); ++i)
    watch(epoll_, EPOLL_CTL_ADD, publisher_.fd(i), EPOLLIN, kPublisherBit | i);
}

Run::~Run() {
  for (Client& client : clients_) client.close();
  ::close(epoll_);
}

Findings Run::execute() {
  Findings findings;
  findings.rss_before = usage_of(options_.server_pids).rss_kib;
  const std::uint64_t start = now_us();
  findings.ready = connect_all();
  findings.connecting = static_cast<double>(now_us() - start) / 1e6;
  if (!findings.ready) return findings;
  for (const std::uint64_t settled = now_us() + kSettle; now_us() < settled;) turn(settled);
  findings.rss_ready = usage_of(options_.server_pids).rss_kib;

  first_event_at_ = now_us();
  next_reading_ = first_event_at_;
  publisher_.start(first_event_at_, first_event_at_ + to_us(options_.warm_up + options_.seconds));
  publish_for(options_.warm_up, findings);
  counts_.latency.clear();
  const std::uint64_t measuring_since = now_us();
  const std::uint64_t delivered_before = counts_.events.deliveries;
  const ProcessUsage server = usage_of(options_.server_pids);
  const ProcessUsage generator = own_usage();
  publish_for(options_.seconds, findings);
  drain(findings);
  findings.server = usage_of(options_.server_pids) - server;
  findings.generator = own_usage() - generator;
  findings.deliveries = counts_.events.deliveries - delivered_before;
  const std::uint64_t end = std::max(last_delivery_, measuring_since + to_us(options_.seconds));
  findings.measured = static_cast<double>(end - measuring_since) / 1e6;
  finish(findings);
  return findings;
}

// False: the deadline has passed, or connections failed.
bool Run::connect_all() {
  const std::uint64_t deadline = now_us() + to_us(options_.deadline);
  std::size_t next = 0;
  while (now_us() < deadline && counts_.closed == 0) {
    while (next < clients_.size() && connecting_ < options_.connecting) open(next++, false);
    if (ready_ == clients_.size() && (options_.await.empty() || counts_.awaited.count() == clients_.size()))
      return true;
    turn(std::min(deadline, now_us() + 10'000));
  }
  if (counts_.last_failure.empty())
    counts_.last_failure = std::to_string(ready_) + " clients were ready at the deadline, " +
                           std::to_string(counts_.awaited.count()) + " had got what was awaited";
  return false;
}

void Run::open(std::size_t index, bool joins_late) {
  clients_[index].open(options_, index % options_.devices, publisher_.first(), joins_late, now_us());
  ++connecting_;
  ++opened_;
  watch(epoll_, EPOLL_CTL_ADD, clients_[index].fd(), EPOLLOUT, index);
}

void Run::publish_for(double seconds, Findings& findings) {
  const std::uint64_t end = now_us() + to_us(seconds);
  for (std::uint64_t now = now_us(); now < end; now = now_us()) {
    read_memory(findings, now);
    replace_some(now);
    turn(end);
  }
}

// Ends when everything has come, when nothing has for a while, or when it takes far too long.
void Run::drain(Findings& findings) {
  publisher_.stop();
  std::uint64_t expected = 0;
  for (const Client& client : clients_) expected += publisher_.events_of(client.device());
  findings.expected = expected;
  std::uint64_t before = counts_.events.deliveries;
  std::uint64_t progress = now_us();
  const std::uint64_t latest = progress + to_us(4 * options_.drain);
  while (counts_.events.deliveries < expected || !publisher_.idle()) {
    const std::uint64_t now = now_us();
    if (counts_.events.deliveries != before) {
      before = counts_.events.deliveries;
      progress = now;
    }
    if (now > progress + to_us(options_.drain) || now > latest || options_.churn > 0) break;
    turn(now + 10'000);
  }
}

void Run::finish(Findings& findings) {
  for (Client& client : clients_) {
    if (!client.ready()) continue;
    client.sequence().finish(publisher_.first() + publisher_.events_of(client.device()), counts_.events);
  }
  findings.opened = opened_;
}

// Dashboards come and go: the oldest connection is closed and a new one opened in its place.
void Run::replace_some(std::uint64_t now) {
  if (options_.churn <= 0) return;
  const auto due = static_cast<std::uint64_t>(static_cast<double>(now - first_event_at_) * options_.churn / 1e6);
  for (; replaced_ < due && connecting_ < options_.connecting; ++replaced_) {
    Client& client = clients_[next_replaced_];
    if (client.ready()) {
      --ready_;
      client.close();
      open(next_replaced_, true);
    }
    next_replaced_ = (next_replaced_ + 1) % clients_.size();
  }
}

void Run::turn(std::uint64_t until) {
  std::uint64_t now = now_us();
  publisher_.pump(now);
  for (std::size_t i = 0; i < writing_.size(); ++i) {
    if (writing_[i] == publisher_.wants_to_write(i)) continue;
    writing_[i] = !writing_[i];
    const std::uint32_t room = writing_[i] ? std::uint32_t{EPOLLOUT} : 0u;
    watch(epoll_, EPOLL_CTL_MOD, publisher_.fd(i), EPOLLIN | room, kPublisherBit | i);
  }
  if (publisher_.running(now)) until = std::min(until, std::max(publisher_.next_due(), now));
  const std::uint64_t wait = until > now ? until - now : 0;
  const timespec timeout{static_cast<time_t>(wait / kSecond), static_cast<long>(wait % kSecond * 1000)};
  epoll_event events[kEventsPerTurn];
  const int count = ::epoll_pwait2(epoll_, events, kEventsPerTurn, &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    if (i % 8 == 7) publisher_.pump(now_us());
    const std::size_t index = static_cast<std::size_t>(events[i].data.u64 & (kPublisherBit - 1));
    if ((events[i].data.u64 & kPublisherBit) != 0) {
      on_publisher(index, events[i].events);
    } else {
      on_client(index, events[i].events);
    }
  }
}

void Run::on_publisher(std::size_t index, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) publisher_.on_writable(index);
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) publisher_.on_readable(index);
}

void Run::on_client(std::size_t index, std::uint32_t events) {
  Client& client = clients_[index];
  const Client::State before = client.state();
  if (before == Client::State::closed) return;
  if (before == Client::State::connecting && (events & (EPOLLERR | EPOLLHUP)) == 0) {
    client.on_connected(options_);
    watch(epoll_, EPOLL_CTL_MOD, client.fd(), EPOLLIN, index);
    return;
  }
  const ssize_t size = ::recv(client.fd(), buffer_.data(), buffer_.size(), 0);
  const std::uint64_t now = now_us();
  if (size > 0) {
    const std::uint64_t deliveries = counts_.events.deliveries;
    client.on_bytes(buffer_.data(), static_cast<std::size_t>(size), options_, counts_, now);
    if (counts_.events.deliveries != deliveries) last_delivery_ = now;
  } else if (size == 0 || errno != EAGAIN) {
    client.on_failure(size == 0 ? "the server closed the connection" : std::strerror(errno), counts_);
  }
  const Client::State after = client.state();
  const bool was_connecting = before == Client::State::connecting || before == Client::State::shaking_hands;
  const bool is_connecting = after == Client::State::connecting || after == Client::State::shaking_hands;
  if (was_connecting && !is_connecting) --connecting_;
  if (before != Client::State::ready && after == Client::State::ready) ++ready_;
  if (before == Client::State::ready && after != Client::State::ready) --ready_;
}

void Run::read_memory(Findings& findings, std::uint64_t now) {
  if (options_.report_every <= 0 || now < next_reading_) return;
  findings.memory.push_back({static_cast<double>(now - first_event_at_) / 1e6, usage_of(options_.server_pids).rss_kib});
  next_reading_ += to_us(options_.report_every);
}

}  // namespace pulsegate::bench
