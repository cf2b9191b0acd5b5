// What history costs: a private PostgreSQL with ten million rows in daily partitions, read through PostgresSource.
//
//   build/tests/bench/history_bench [--rows N] [--devices N] [--shared-buffers SIZE] [--covering-index] [--rounds N]
//
// Rows lie in the order of time, as reports come in, so that each row of a device is on a page of its own: the least
// favourable layout. The server runs without durability, which reads do not notice. Data goes to TMPDIR (3 GB) and is
// removed at the end.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "storage/postgres_source.hpp"
#include "tests/support/postgres_server.hpp"

namespace {

using namespace pulsegate;
using Clock = std::chrono::steady_clock;

struct Options {
  long rows = 10'000'000;
  long devices = 100;
  int rounds = 3;
  std::string shared_buffers = "128MB";  // PostgreSQL's default
  bool covering_index = false;
};

constexpr int kDays = 8;

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--covering-index") {
      options.covering_index = true;
      continue;
    }
    if (i + 1 == argc) throw std::invalid_argument("unknown option or no value: " + flag);
    const char* value = argv[++i];
    if (flag == "--rows") {
      options.rows = std::atol(value);
    } else if (flag == "--devices") {
      options.devices = std::atol(value);
    } else if (flag == "--rounds") {
      options.rounds = std::atoi(value);
    } else if (flag == "--shared-buffers") {
      options.shared_buffers = value;
    } else {
      throw std::invalid_argument("unknown option: " + flag);
    }
  }
  return options;
}

proto::DeviceId device(test::PostgresServer& server, long i) {
  return *proto::DeviceId::parse(server.value("SELECT CAST(md5('" + std::to_string(i) + "') AS uuid)"));
}

// 90 daily partitions, the last kDays of them full; rows are written to a file by COPY and loaded from it by COPY.
void load(test::PostgresServer& server, const Options& options) {
  const auto began = Clock::now();
  const std::string file = server.socket_dir() + "/rows.copy";
  const long each = options.rows / options.devices;
  server.exec(
      "CREATE TABLE device_metrics (device_uuid uuid NOT NULL, recorded_at timestamp NOT NULL, cpu_usage numeric(5,2),"
      " cpu_temp numeric(5,2), memory_usage bigint, memory_total bigint, storage_usage bigint, storage_total bigint,"
      " network_rx bigint, network_tx bigint, top_processes jsonb) PARTITION BY RANGE (recorded_at);"
      "CREATE TABLE device_state_records (device_uuid uuid, recorded_at timestamp, os_version text, architecture text,"
      " uptime bigint, hostname text, ip_address text, mac_address text, top_processes jsonb, network_interfaces "
      "jsonb);"
      "CREATE INDEX ON device_state_records (device_uuid, recorded_at DESC);"
      "DO $$ BEGIN FOR i IN 0..89 LOOP"
      "  EXECUTE format('CREATE TABLE day_%s PARTITION OF device_metrics FOR VALUES FROM (%L) TO (%L)',"
      "                 i, date '2026-09-01' + i, date '2026-09-01' + i + 1);"
      " END LOOP; END $$");
  server.exec(
      "COPY (SELECT CAST(md5(CAST(d AS text)) AS uuid),"
      " timestamp '2026-11-22' + t * (interval '" +
      std::to_string(kDays) + " days' / " + std::to_string(each) +
      ") + d * interval '1 ms',"
      " CAST(30 + 20 * sin(t / 500.0) + (t * 7919 % 100) / 20.0 AS numeric(5,2)), 48.5,"
      " 1000000000 + (t * 104729 % 1000) * 100000, 8589934592, 10737418240, 64424509440, t * 31 % 5000,"
      " t * 17 % 3000, NULL FROM generate_series(CAST(0 AS bigint), " +
      std::to_string(each - 1) + ") t CROSS JOIN LATERAL generate_series(0 * t, " +
      std::to_string(options.devices - 1) + ") d) TO '" + file + "'");
  server.exec("COPY device_metrics FROM '" + file + "'");
  std::remove(file.c_str());
  server.exec("CREATE INDEX ON device_metrics (device_uuid, recorded_at DESC)" +
              std::string(options.covering_index
                              ? " INCLUDE (cpu_usage, memory_usage, memory_total, network_rx, network_tx)"
                              : ""));
  server.exec("VACUUM ANALYZE device_metrics");
  std::printf("%ld rows of %ld devices, %s, loaded in %.0f s; shared_buffers %s%s\n\n", each * options.devices,
              options.devices,
              server
                  .value("SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) FROM pg_partition_tree("
                         "'device_metrics')")
                  .c_str(),
              std::chrono::duration<double>(Clock::now() - began).count(), options.shared_buffers.c_str(),
              options.covering_index ? ", covering index" : "");
}

// Waits for one answer. Thread: the bench's; the executor runs on a database thread, which is allowed once the answer
// is all that happens there.
template <typename Result>
class Once {
 public:
  std::function<void(Result)> callback() {
    return [this](Result result) {
      const std::lock_guard lock(mutex_);
      result_ = std::move(result);
      arrived_.notify_one();
    };
  }
  Result wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return result_.has_value(); });
    if (result_->error != storage::SnapshotError::none) throw std::runtime_error(result_->detail);
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Result> result_;
};

void run_inline(const std::function<void()>& task) {
  task();
}

class Bench {
 public:
  Bench(test::PostgresServer& server, const Options& options) : options_(options) {
    storage::PostgresConfig config{server.connection_string(), storage::load_sql("guide")};
    config.rate = 0;
    source_.emplace(std::move(config), [](storage::Severity, const std::string&) {});
    for (long i = 0; i < options.devices; ++i) devices_.push_back(device(server, i));
  }

  void run() {
    std::printf("%-44s %8s %10s %10s %10s\n", "", "rows", "p50 ms", "p99 ms", "most ms");
    const auto end = *proto::parse_iso8601("2026-11-30T00:00:00Z");
    const auto days = [&](int count) { return end - std::chrono::hours(24 * count); };
    measure("first window, 30 points", 20, [&](const proto::DeviceId& id) {
      Once<storage::SnapshotResult> answer;
      source_->read({id, 30, storage::ReadReason::first}, run_inline, answer.callback());
      return answer.wait().snapshot->metrics.size();
    });
    const auto range = [&](int count, std::size_t points, storage::Reduction reduction) {
      return [=](const proto::DeviceId& id) {
        Once<storage::HistoryResult> answer;
        source_->read_range({id, days(count), end, points, reduction}, run_inline, answer.callback());
        return answer.wait().history->rows.size();
      };
    };
    measure("1 day, 1 000 points: all rows", 1, range(1, 1000, storage::Reduction::extremes));
    measure("4 days, 1 000 points: all rows", 1, range(4, 1000, storage::Reduction::extremes));
    measure("7 days, 1 000 points: extremes", 1, range(7, 1000, storage::Reduction::extremes));
    measure("7 days, 2 000 points: extremes", 1, range(7, 2000, storage::Reduction::extremes));
    measure("7 days, 1 000 points: mean", 1, range(7, 1000, storage::Reduction::mean));
    const auto after = [&](std::chrono::seconds age, std::size_t points) {
      return [=](const proto::DeviceId& id) {
        Once<storage::HistoryResult> answer;
        source_->read_after({id, end - age, points}, run_inline, answer.callback());
        return answer.wait().history->rows.size();
      };
    };
    measure("rows after: a minute ago", 20, after(std::chrono::seconds(60), 2000));
    measure("rows after: 7 days ago, 2 000 points", 1, after(std::chrono::hours(24 * 7), 2000));
    measure("rows after: nothing new", 20, after(std::chrono::seconds(0), 1));
  }

 private:
  // `each`: how often for every device in a round.
  void measure(const char* name, int each, const std::function<std::size_t(const proto::DeviceId&)>& read) {
    std::vector<double> times;
    std::size_t rows = 0;
    for (int round = 0; round < options_.rounds; ++round) {
      for (int i = 0; i < each; ++i) {
        for (const proto::DeviceId& id : devices_) {
          const auto began = Clock::now();
          rows = read(id);
          times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
        }
      }
    }
    std::sort(times.begin(), times.end());
    std::printf("%-44s %8zu %10.2f %10.2f %10.2f\n", name, rows, times[times.size() / 2],
                times[times.size() * 99 / 100], times.back());
    std::fflush(stdout);
  }

  const Options options_;
  std::vector<proto::DeviceId> devices_;
  std::optional<storage::PostgresSource> source_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    test::PostgresOptions server_options;
    server_options.settings = {
        {"shared_buffers", options.shared_buffers}, {"maintenance_work_mem", "512MB"}, {"max_wal_size", "8GB"}};
    test::PostgresServer server(server_options);
    server.start();
    load(server, options);
    Bench(server, options).run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "history_bench: %s\n", error.what());
    return 1;
  }
}
