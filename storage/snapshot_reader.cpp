// Translates between SOCI's buffers and the contract.
#include "storage/snapshot_reader.hpp"

#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <utility>

#include "storage/history_reader_internal.hpp"
#include "storage/prepared_statements_internal.hpp"
#include "storage/row_text.hpp"
#include "storage/sql_errors_internal.hpp"
#include "storage/window_reader_internal.hpp"

namespace pulsegate::storage {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// A drift of 100 ppm, which is a bad clock, makes 6 ms of it.
constexpr std::chrono::seconds kClockOffsetAge{60};

// Every statement is a walk along one index, whose order is also that of the heap, since rows are inserted in the order
// of time. The planner does not know that: it takes a partition that was empty when it made the plan to be empty still,
// prefers bitmaps and a sort for many rows, and compiles what looks expensive. More processes than connections are none
// of ours to start. These forbid nothing: where there is no index, the table is read and sorted all the same.
constexpr std::array<std::string_view, 5> kPlannerSettings{"enable_seqscan = off", "enable_bitmapscan = off",
                                                           "enable_sort = off", "jit = off",
                                                           "max_parallel_workers_per_gather = 0"};

constexpr std::array<std::string_view, StateStatement::kTexts> kStateColumns{
    "os", "architecture", "uptime", "hostname", "ip_address", "mac_address", "top_processes", "network_interfaces"};

proto::Timestamp timestamp(long long us) {
  return proto::Timestamp(microseconds(us));
}

}  // namespace

// Members are destroyed in reverse order: every statement before the session that it was prepared on.
struct SnapshotReader::Session {
  Session(const std::string& connection, const SqlSet& statements)
      : sql(soci::postgresql, connection), window(sql, statements), history(sql, statements) {}

  PGconn* connection() noexcept { return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_; }
  void forget_statements() {
    clock.reset();
    window.forget_statements();
    state.reset();
    history.forget_statements();
  }

  soci::session sql;
  std::unique_ptr<ClockStatement> clock;
  WindowReader window;
  std::unique_ptr<StateStatement> state;
  HistoryReader history;
  RowText text;
};

SnapshotReader::SnapshotReader(const ReaderConfig& config) : config_(config) {
  try {
    session_ = std::make_unique<Session>(config.connection, config.sql);
    // libpq would print notices to stderr.
    PQsetNoticeProcessor(
        session_->connection(), [](void*, const char*) {}, nullptr);
    session_->sql << "SET statement_timeout = " + std::to_string(config.statement_timeout.count());
    session_->sql << "SET TIME ZONE 'UTC'";
    for (const std::string_view setting : kPlannerSettings) session_->sql << "SET " + std::string(setting);
    // A database without an encoding would refuse to send any row that holds a byte beyond UTF-8. Its bytes are taken
    // as they are, and whatever is not UTF-8 is left out here.
    const char* encoding = PQparameterStatus(session_->connection(), "server_encoding");
    const bool untold = encoding != nullptr && std::string_view(encoding) == "SQL_ASCII";
    session_->sql << (untold ? "SET client_encoding = 'SQL_ASCII'" : "SET client_encoding = 'UTF8'");
  } catch (const soci::soci_error& error) {
    throw ConnectionLost(message_of(error));
  }
}

// SOCI takes leave of each statement with a round trip, for which a server that has fallen silent would keep us waiting
// for ever. The end of the connection tells it as much.
SnapshotReader::~SnapshotReader() {
  if (socket() >= 0) ::shutdown(socket(), SHUT_RDWR);
}

int SnapshotReader::socket() const noexcept {
  return PQsocket(session_->connection());
}

bool SnapshotReader::alive() const noexcept {
  if (PQstatus(session_->connection()) != CONNECTION_OK) return false;
  pollfd watched{socket(), POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) == 0;
}

ReadResult SnapshotReader::read(const ReadRequest& request) {
  for (bool again = false;; again = true) {
    try {
      read_clock();
      ReadResult result;
      if (const auto* snapshot = std::get_if<SnapshotRequest>(&request)) {
        result.snapshot = read_snapshot(*snapshot);
      } else {
        History history = std::holds_alternative<RangeRequest>(request)
                              ? session_->history.read(std::get<RangeRequest>(request))
                              : session_->history.read(std::get<AfterRequest>(request));
        history.clock_offset = clock_offset_;
        result.history = std::make_shared<const History>(std::move(history));
      }
      return result;
    } catch (const ReadFailed&) {
      // SOCI frees what it has bound after a success only, or with the statement: executed again, it would leak it.
      session_->forget_statements();
      throw;
    } catch (const StatementsGone& gone) {
      session_->forget_statements();
      if (again) throw ReadFailed(SnapshotError::failed, gone.what());
    }
  }
}

std::shared_ptr<const Snapshot> SnapshotReader::read_snapshot(const SnapshotRequest& request) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->clock_offset = clock_offset_;
  const std::string device = request.device.text();
  read_window(device, request.points, *snapshot);
  read_state(device, *snapshot);
  return snapshot;
}

void SnapshotReader::read_clock() {
  const auto now = steady_clock::now();
  if (clock_known_ && now - clock_read_ < kClockOffsetAge) return;
  guarded(session_->sql, "clock", config_.sql.clock(), [&] {
    if (!session_->clock) session_->clock = std::make_unique<ClockStatement>(session_->sql, config_.sql.clock().text);
    const auto before = system_clock::now();
    const auto database = timestamp(session_->clock->execute()).time_since_epoch();
    const auto after = system_clock::now();
    const auto middle = before.time_since_epoch() + (after - before) / 2;
    clock_offset_ = std::chrono::duration_cast<microseconds>(database - middle);
  });
  clock_read_ = now;
  clock_known_ = true;
}

void SnapshotReader::read_window(const std::string& device, std::size_t points, Snapshot& snapshot) {
  WindowReader::Window window = session_->window.read(device, points);
  snapshot.metrics = std::move(window.rows);
  std::uint8_t mask = 0;
  for (const MetricsRow& row : snapshot.metrics)
    for (std::size_t i = 0; i < proto::kMetricCount; ++i)
      if (row.values.items[i].present) mask = static_cast<std::uint8_t>(mask | 1u << i);
  if (!window.newest_json.empty()) {
    std::uint8_t keys = 0;
    snapshot.newest_metrics_json = session_->text.json_object(std::move(window.newest_json), keys);
    if (snapshot.newest_metrics_json.empty()) config_.unusable("newest_json");
    mask = static_cast<std::uint8_t>(mask | keys);
  }
  // A metric counts as read when the table has the column, or (for an operator's own statement) when it has values.
  if (!snapshot.metrics.empty()) snapshot.metric_mask = mask;
}

void SnapshotReader::read_state(const std::string& device, Snapshot& snapshot) {
  const SqlStatement& sql = config_.sql.latest_state();
  bool found = false;
  guarded(session_->sql, "latest_state", sql, [&] {
    if (!session_->state) session_->state = std::make_unique<StateStatement>(session_->sql, sql.text);
    found = session_->state->execute(device);
  });
  if (!found) return;
  StateStatement& row = *session_->state;
  StateRow& state = snapshot.state.emplace();
  if (const long long* us = row.recorded_at_us()) state.recorded_at = timestamp(*us);
  for (std::size_t i = 0; i < StateStatement::kTexts; ++i) {
    std::string* text = row.text(i);
    if (text == nullptr || *text == "null") continue;
    const bool scalar = i < proto::kSystemFieldCount;
    std::string& out = scalar                          ? state.system.json[i]
                       : i == proto::kSystemFieldCount ? state.top_processes
                                                       : state.network_interfaces;
    out = scalar ? session_->text.json_scalar(std::move(*text)) : session_->text.json_value(std::move(*text));
    if (out.empty()) config_.unusable(std::string(kStateColumns[i]));
  }
}

}  // namespace pulsegate::storage
