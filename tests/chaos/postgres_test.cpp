// PostgreSQL is killed, stalls, stops or has no connection left: live samples go on for everybody, who comes meanwhile
// is served live and told, and gets the history once the database is back.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "arena.hpp"
#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate::test;

namespace {

constexpr int kRows = 3;            // of a newcomer's device, with `cpu_usage` 1, 2, 3
constexpr double kLiveValue = 50;   // of the event that comes while the database is away
constexpr int kNewcomers = 10;      // each with a device that nobody has watched yet
constexpr Millis kLive{1'000};      // from an event to a newcomer, as ever
constexpr Millis kTold{10'000};     // lease and statement timeout, and what a thread may hang
constexpr Millis kRetried{35'000};  // the longest pause between two attempts is 30 s

// Those who open devices during a fault. Their rows are stored before it.
class Newcomers {
 public:
  explicit Newcomers(Arena& arena) : arena_(arena) {
    for (int i = 0; i < kNewcomers; ++i) {
      devices_.push_back(new_device());
      insert_metrics_series(arena.postgres().client(), devices_.back(), kRows);
    }
  }

  // They come, get an event live, and are told that the database is away. Returns how long the slowest waited.
  Millis come(const std::string& status) {
    const long long begin = now_ms();
    for (const std::string& device : devices_) {
      clients_.push_back(arena_.gateway().open_device(device));
      clients_.back().subscribe({"metrics", "history"});
      clients_.back().expect("subscribed");
      clients_.back().expect("subscribed");
    }
    long long slowest = 0;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      const long long published = now_ms();
      arena_.redis().publish("device:" + devices_[i] + ":metrics", metrics_event(devices_[i], kLiveValue, published));
      told_.push_back(false);
      clients_[i].expect_until([&](const Json& m) {
        told_[i] = told_[i] || says(m, status);
        return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == kLiveValue;
      });
      slowest = std::max(slowest, now_ms() - published);
    }
    BOOST_TEST(slowest < scale().limit(kLive).count());
    for (std::size_t i = 0; i < devices_.size(); ++i)
      if (!told_[i]) clients_[i].expect_until([&](const Json& m) { return says(m, status); }, scale().limit(kTold));
    return Millis(now_ms() - begin);
  }

  // All have rows and event in their window. Returns how long after `end` the last one had.
  Millis wait_for_history(long long end) {
    const std::vector<int> whole{1, 2, 3, static_cast<int>(kLiveValue)};
    for (WsClient& client : clients_)
      client.expect_until([&](const Json& m) { return m.type() == "history" && cpu_values(m) == whole; },
                          scale().limit(kRetried));
    return Millis(now_ms() - end);
  }

 private:
  static bool says(const Json& message, const std::string& status) {
    return message.type() == "status" && message.at("data").has("database") &&
           message.at("data").at("database").string() == status;
  }

  Arena& arena_;
  std::vector<std::string> devices_;
  std::vector<WsClient> clients_;
  std::vector<bool> told_;
};

// What everybody must have seen who was there before. Adds the row.
void finish(Arena& arena, const std::string& scenario, Millis detected, Millis recovered) {
  BOOST_TEST(eventually([&] { return arena.reporter().unstored() < 20; }, kServerDeadline), "rows are not stored");
  BOOST_TEST(arena.wait_for_reports(2));
  ResultRow row = arena.judge(scenario);
  row.detected = detected;
  row.recovered = recovered;
  BOOST_TEST(row.disconnects == 0u);
  BOOST_TEST(row.named == 0u, "nothing is missed while only the database is away");
  BOOST_TEST(row.lost == 0u);
  BOOST_TEST(arena.gateway().health("/readyz").status == 200);
  ResultsTable::of_this_run().add(row);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ChaosPostgres)

BOOST_AUTO_TEST_CASE(killed_and_restarted) {
  Arena arena;
  Newcomers newcomers(arena);
  arena.postgres().exec("CHECKPOINT");  // without durability a crash forgets what is not on the disk yet
  arena.postgres().kill();
  const Millis detected = newcomers.come("down");
  BOOST_TEST(arena.gateway().health("/readyz").status == 200);
  arena.postgres().start();
  const long long end = now_ms();
  const Millis recovered = newcomers.wait_for_history(end);
  finish(arena, "PostgreSQL killed and restarted", detected, recovered);
}

BOOST_AUTO_TEST_CASE(stalled_by_a_lock) {
  ArenaOptions options;
  options.gateway = {"--statement-timeout", "1s"};
  Arena arena(std::move(options));
  Newcomers newcomers(arena);
  PostgresClient holder(arena.postgres().connection_string());
  holder.exec("BEGIN; LOCK TABLE device_metrics IN ACCESS EXCLUSIVE MODE");
  const Millis detected = newcomers.come("down");
  holder.exec("ROLLBACK");
  const long long end = now_ms();
  const Millis recovered = newcomers.wait_for_history(end);
  finish(arena, "PostgreSQL stalled (ACCESS EXCLUSIVE)", detected, recovered);
}

BOOST_AUTO_TEST_CASE(stopped_by_a_signal) {
  ArenaOptions options;
  options.gateway = {"--statement-timeout", "1s"};
  Arena arena(std::move(options));
  Newcomers newcomers(arena);
  Pause pause(arena.postgres());
  const Millis detected = newcomers.come("down");
  pause.end();
  const long long end = now_ms();
  const Millis recovered = newcomers.wait_for_history(end);
  finish(arena, "PostgreSQL stopped (SIGSTOP)", detected, recovered);
}

BOOST_AUTO_TEST_CASE(out_of_connections) {
  ArenaOptions options;
  options.postgres.max_connections = 20;
  Arena arena(std::move(options));
  Newcomers newcomers(arena);
  // Whoever connects to the database next is too late: the gateway's sessions are ended, and all places taken.
  constexpr const char* kOfGateway = "FROM pg_stat_activity WHERE application_name = 'pulsegate'";
  std::vector<PostgresClient> hogs;
  const bool taken = eventually([&] {
    arena.postgres().exec(std::string("SELECT pg_terminate_backend(pid) ") + kOfGateway);
    try {
      while (hogs.size() < 50) hogs.emplace_back(arena.postgres().connection_string());
    } catch (const std::runtime_error&) {  // too many clients already
    }
    return arena.postgres().value(std::string("SELECT count(*) ") + kOfGateway) == "0";
  });
  BOOST_REQUIRE(taken);
  const Millis detected = newcomers.come("down");
  hogs.clear();
  const long long end = now_ms();
  const Millis recovered = newcomers.wait_for_history(end);
  finish(arena, "PostgreSQL out of connections", detected, recovered);
}

BOOST_AUTO_TEST_SUITE_END()
