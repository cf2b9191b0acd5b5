// Two replicas of the gateway with the same publisher, table and stream, and clients that leave one and come back to
// the other; everything takes a while to arrive. What each client was told is kept, to be judged.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hub_fixture.hpp"

namespace pulsegate::test {

using std::chrono::milliseconds;

struct ResumeWorldOptions {
  enum class Storage { rows_at_once, rows_late, stream_then_rows, stream_only, nothing };
  enum class Values { unique, constant };

  Storage storage = Storage::rows_at_once;
  Values values = Values::unique;
  bool doubled = false;    // some reports are published twice within 300 ms
  bool timestamps = true;  // otherwise each gateway stamps an event when it comes
  milliseconds clock{0};   // the publisher's, minus ours
  bool bus_fails = false;
  bool database_fails = false;
};

struct Report {
  proto::Timestamp published;  // our clock
  proto::Timestamp time;       // the publisher's
  bool twice = false;          // published again within 300 ms
};

// What a client saw of `metrics`, in order.
struct Seen {
  enum class What { acknowledged, sample, gap, left };
  What what;
  proto::Timestamp at{};          // our clock
  std::optional<bool> resumed;    // acknowledged
  std::string since;              // acknowledged: "cursor", "time" or "none"
  int report = 0;                 // sample
  proto::Timestamp time{};        // sample: as it says
  proto::Timestamp from{}, to{};  // gap
  std::string reason;             // gap
};

// Thread: one. All times are multiples of a millisecond.
class ResumeWorld {
 public:
  ResumeWorld(std::uint64_t seed, const ResumeWorldOptions& options);

  void run();

  // By number, from 1 on.
  const std::map<int, Report>& reports() const { return reports_; }
  const std::vector<std::vector<Seen>>& clients() const { return seen_; }
  // How often each ResumeOutcome was counted by both replicas.
  std::array<std::uint64_t, kResumeOutcomes> outcomes() const;
  // Sentences, oldest first.
  const std::vector<std::string>& story() const { return story_; }

 private:
  using Task = std::function<void()>;

  struct Replica {
    explicit Replica(const ResumeWorldOptions& options);

    HubFixture f;
    unsigned connection = 0;  // to the bus: what is on its way by an earlier one is lost
    bool subscribed = false;  // as Redis sees it
    bool subscribing = false;
    proto::Timestamp arrives{};  // what is on its way: in order
    bool looking_at_snapshot = false, looking_at_rows = false, looking_at_stream = false;
    bool database_down = false;
  };

  struct Client {
    std::unique_ptr<TestClient> here;  // null: away
    std::size_t replica = 0;
    std::string cursor, time;  // of the last message
    std::string since = "none";
    bool acknowledged = false;
  };

  int draw(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool one_in(int times) { return draw(times) == 0; }
  proto::Timestamp now() const { return replicas_[0]->f.clock.now().wall; }
  void tell(const std::string& sentence);
  void in(int ms, Task task);
  void run_until(proto::Timestamp end);
  void poll();
  void poll(Replica& replica);
  void read(std::size_t client);

  void publish();
  void send(int report, proto::Timestamp time);
  void store(int report, proto::Timestamp time);
  void insert_rows();
  void act();
  void act(std::size_t client);
  void come(std::size_t client);
  void subscribe(std::size_t client);
  void toggle_bus(Replica& replica);
  void calm_down();

  bool has_stream() const;
  bool has_table() const;
  std::string value(int report) const;

  std::mt19937_64 random_;
  const ResumeWorldOptions options_;
  std::unique_ptr<Replica> replicas_[2];
  Client clients_[4];
  std::vector<std::vector<Seen>> seen_{4};
  std::map<int, Report> reports_;
  std::multimap<proto::Timestamp, Task> agenda_;
  std::vector<storage::MetricsRow> table_;
  std::deque<std::pair<int, proto::Timestamp>> rows_due_;  // and when they are written: in order
  std::deque<std::pair<int, bus::StreamEntry>> stream_;
  std::vector<std::string> story_;
  int last_report_ = 0;
  bool calm_ = false;
};

}  // namespace pulsegate::test
