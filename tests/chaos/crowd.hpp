// Many dashboards in one thread, each of which keeps a log of what it sees. They watch `metrics` and `history`.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/resume_check.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

// What one client has seen.
struct Watcher {
  struct Told {
    long long at;      // ms since 1970
    std::string what;  // "bus down", "database up", "device stale"
  };
  struct End {
    long long at;
    std::uint16_t code;  // 1006: none was said
  };

  std::size_t device = 0;
  ClientSession session;                        // for the judge
  std::map<std::string, std::size_t> messages;  // by type
  std::vector<Told> told;                       // by `status`
  std::map<std::string, std::size_t> errors;    // by code
  int last_report = -1;
  bool watching = false;  // `metrics` is acknowledged
  std::optional<End> end;

  // When it was told so first after `from`; nullopt: not yet.
  std::optional<long long> when_told(const std::string& what, long long from = 0) const;
};

// Thread: its functions from one; the clients live in a thread of their own.
class Crowd {
 public:
  // Opens `count` connections, which take turns in the devices, and subscribes. Throws when one is refused.
  Crowd(std::uint16_t port, const std::vector<std::string>& devices, std::size_t count, const WsOptions& options = {});
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::size_t size() const { return members_.size(); }
  // Whether all of them are so, at the deadline at the latest.
  bool wait_for_all(const std::function<bool(const Watcher&)>& fact, Millis deadline = kDeadline) const;
  std::size_t count(const std::function<bool(const Watcher&)>& fact) const;
  bool wait_until_watching(Millis deadline = kServerDeadline) const;
  // Copies, in the order of creation.
  std::vector<Watcher> watchers() const;

  // The first `count` of them stop to read: what comes stays in the sockets.
  void stop_reading(std::size_t count);
  // All read again, those first what has waited for them.
  void read_again();

 private:
  struct Member {
    WsClient client;
    Watcher watcher;
  };

  void watch(std::size_t index);
  void run();
  void take_all(Member& member);
  static void take(Watcher& watcher, const WsMessage& message);
  static void take_sample(Watcher& watcher, const Json& message, long long now);
  void end(Member& member, std::uint16_t code);

  std::vector<std::unique_ptr<Member>> members_;
  int epoll_ = -1;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;  // guards the members
  std::thread thread_;        // last: it uses all of the above
};

}  // namespace pulsegate::test
