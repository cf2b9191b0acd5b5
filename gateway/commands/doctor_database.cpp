// PostgreSQL, by the very reads that the gateway makes, for a device that nobody has.
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "gateway/clock.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/doctor_parts.hpp"
#include "gateway/commands/sql_parts.hpp"
#include "storage/connection_string.hpp"
#include "storage/inspection.hpp"
#include "storage/named_sql.hpp"
#include "storage/postgres_source.hpp"

namespace pulsegate::commands {
namespace {

using storage::SnapshotError;

constexpr std::chrono::seconds kPatience{5};

// A database that answers on this thread.
class Reader {
 public:
  Reader(const Config& config, storage::SqlSet statements)
      : source_(make(config, std::move(statements)), storage::LogLine([](storage::Severity, const std::string&) {})) {}
  ~Reader() { source_.stop(); }

  template <typename Result, typename Ask>
  Result wait(Ask&& ask) {
    std::optional<Result> result;
    const auto work = asio::make_work_guard(io_);
    ask([this](std::function<void()> call) { asio::post(io_, std::move(call)); },
        [&result](Result given) { result = std::move(given); });
    io_.restart();
    while (!result) io_.run_one();
    return std::move(*result);
  }
  storage::PostgresSource& source() { return source_; }

 private:
  static storage::PostgresConfig make(const Config& config, storage::SqlSet statements) {
    storage::PostgresConfig postgres{*config.database, std::move(statements)};
    postgres.threads = 2;  // ranges of history occupy half of them
    postgres.lease = kPatience;
    postgres.statement_timeout = config.statement_timeout;
    return postgres;
  }

  asio::io_context io_{1};
  storage::PostgresSource source_;
};

void judge_read(const char* check, SnapshotError error, const std::string& detail, ops::DoctorReport& report) {
  if (error == SnapshotError::none) return report.ok(check, "works");
  report.fail(check, detail,
              error == SnapshotError::failed
                  ? "GRANT SELECT ON device_metrics, device_state_records TO the user of --database; where tables have "
                    "other names or columns: --sql-profile, --sql-file"
                  : "is the server overloaded? --statement-timeout and --snapshot-lease say how long is waited");
}

void examine_reads(const Config& config, const storage::SqlSet& statements, const DoctorOptions& options,
                   ops::DoctorReport& report) {
  Reader reader(config, statements);
  const proto::DeviceId device =
      options.device ? *options.device : *proto::DeviceId::parse("00000000-0000-0000-0000-000000000000");
  const proto::Timestamp now = SystemClock().now().wall;
  const auto snapshot = reader.wait<storage::SnapshotResult>([&](storage::Executor executor, auto done) {
    reader.source().read({device, 30, storage::ReadReason::first}, std::move(executor), std::move(done));
  });
  judge_read("database snapshots", snapshot.error, snapshot.detail, report);
  const auto range = reader.wait<storage::HistoryResult>([&](storage::Executor executor, auto done) {
    storage::RangeRequest request;
    request.device = device;
    request.from = now - std::chrono::hours(1);
    request.to = now;
    reader.source().read_range(request, std::move(executor), std::move(done));
  });
  judge_read("database history", range.error, range.detail, report);
  const auto after = reader.wait<storage::HistoryResult>([&](storage::Executor executor, auto done) {
    reader.source().read_after({device, now - std::chrono::seconds(60), 10}, std::move(executor), std::move(done));
  });
  judge_read("database resumes", after.error, after.detail, report);
  if (!options.device || snapshot.error != SnapshotError::none) return;
  if (snapshot.snapshot->metrics.empty())
    return report.warn("device rows", "none", "is the UUID right? Charts of this device begin empty");
  const auto age = now - (snapshot.snapshot->metrics.back().recorded_at - snapshot.snapshot->clock_offset);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  const std::string says = "the newest is " + std::to_string(seconds) + " s old";
  if (seconds < -60)
    return report.fail("device rows", says,
                       "recorded_at lies in the future: a column without time zone is taken for UTC");
  if (seconds > 300) return report.warn("device rows", says, "does the API server still write this device?");
  report.ok("device rows", says);
}

}  // namespace

void examine_database(const Config& config, const DoctorOptions& options, ops::DoctorReport& report) {
  if (!config.database) return report.ok("database", "none, as --database says: charts begin empty");
  std::optional<storage::SqlSet> statements;
  try {
    statements = load_statements(config);
  } catch (const ConfigurationError& fault) {
    return report.fail("database statements", fault.what(), "mend --sql-file or --sql-profile");
  }
  const storage::DatabaseFacts facts = storage::inspect_database(*config.database, *statements, kPatience);
  if (facts.version.empty())
    return report.fail("database", facts.fault, "is --database right, and may this machine reach it?");
  report.ok("database", storage::redacted_connection_string(*config.database) + " is PostgreSQL " + facts.version);
  report.add(ops::judge_clock("database", facts.clock_offset, facts.round_trip));
  if (facts.superuser)
    report.warn("database user", "it is a superuser",
                "give the gateway a user of its own with SELECT on two tables, no more");
  examine_reads(config, *statements, options, report);
  if (facts.fault.empty()) report.add(ops::judge_indexes(facts.scanned));
}

}  // namespace pulsegate::commands
