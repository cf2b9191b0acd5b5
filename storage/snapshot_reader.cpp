// The only file that translates between SOCI's exceptions and buffers and the contract.
#include "storage/snapshot_reader.hpp"

#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "storage/prepared_statements_internal.hpp"
#include "storage/row_text.hpp"

namespace pulsegate::storage {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// A drift of 100 ppm, which is a bad clock, makes 6 ms of it.
constexpr std::chrono::seconds kClockOffsetAge{60};

constexpr std::array<std::string_view, StateStatement::kTexts> kStateColumns{
    "os", "architecture", "uptime", "hostname", "ip_address", "mac_address", "top_processes", "network_interfaces"};

// What PostgreSQL says may have several lines ("LINE 1: …"); a log line is one.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != '\t' && (c != ' ' || !out.empty())) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// What the server said, without what SOCI says around it and without the excerpt of the statement ("LINE 1: …").
std::string message_of(const soci::soci_error& error) {
  std::string text = error.get_error_message();
  for (const std::string_view before : {"database.\n", "Connection failed.", "ERROR:  ", "FATAL:  "}) {
    const std::size_t at = text.find(before);
    if (at != std::string::npos) text.erase(0, at + before.size());
  }
  return one_line(std::string_view(text).substr(0, text.find("\nLINE ")));
}

std::string sqlstate_of(const soci::soci_error& error) {
  const auto* from_server = dynamic_cast<const soci::postgresql_soci_error*>(&error);
  return from_server != nullptr ? from_server->sqlstate() : std::string();
}

// The class of a SQLSTATE says what to do next; all others mean that the statement or its tables need attention.
SnapshotError classify(const std::string& sqlstate) {
  if (sqlstate == "57014" || sqlstate == "55P03") return SnapshotError::timed_out;  // cancelled; lock not available
  for (const std::string_view passing : {"40", "53"})  // conflict with recovery on a replica; out of memory, disk, …
    if (starts_with(sqlstate, passing)) return SnapshotError::unavailable;
  return SnapshotError::failed;
}

// The server no longer has a prepared statement, or its tables were changed in a way that needs a new one.
bool must_prepare_anew(const std::string& sqlstate) {
  return sqlstate == "26000" || sqlstate == "0A000";
}

class StatementsGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

proto::Timestamp timestamp(long long us) {
  return proto::Timestamp(microseconds(us));
}

}  // namespace

// Members are destroyed in reverse order: every statement before the session that it was prepared on.
struct SnapshotReader::Session {
  explicit Session(const std::string& connection) : sql(soci::postgresql, connection) {}

  PGconn* connection() noexcept { return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_; }
  void forget_statements() {
    clock.reset();
    windows.clear();
    state.reset();
  }

  soci::session sql;
  std::unique_ptr<ClockStatement> clock;
  std::map<std::size_t, WindowStatement> windows;  // by number of rows
  std::unique_ptr<StateStatement> state;
  RowText text;
};

SnapshotReader::SnapshotReader(const ReaderConfig& config) : config_(config) {
  try {
    session_ = std::make_unique<Session>(config.connection);
    // libpq would print notices to stderr.
    PQsetNoticeProcessor(
        session_->connection(), [](void*, const char*) {}, nullptr);
    session_->sql << "SET statement_timeout = " + std::to_string(config.statement_timeout.count());
    session_->sql << "SET TIME ZONE 'UTC'";
    // A database without an encoding would refuse to send any row that holds a byte beyond UTF-8. Its bytes are taken
    // as they are, and whatever is not UTF-8 is left out here.
    const char* encoding = PQparameterStatus(session_->connection(), "server_encoding");
    const bool untold = encoding != nullptr && std::string_view(encoding) == "SQL_ASCII";
    session_->sql << (untold ? "SET client_encoding = 'SQL_ASCII'" : "SET client_encoding = 'UTF8'");
  } catch (const soci::soci_error& error) {
    throw ConnectionLost(message_of(error));
  }
}

SnapshotReader::~SnapshotReader() = default;

int SnapshotReader::socket() const noexcept {
  return PQsocket(session_->connection());
}

bool SnapshotReader::alive() const noexcept {
  if (PQstatus(session_->connection()) != CONNECTION_OK) return false;
  pollfd watched{socket(), POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) == 0;
}

template <typename Body>
auto SnapshotReader::guarded(std::string_view name, const SqlStatement& statement, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const soci::soci_error& error) {
    const std::string sqlstate = sqlstate_of(error);
    const std::string detail = "statement '" + std::string(name) + "' (" + statement.origin + "): " + message_of(error);
    if (PQstatus(session_->connection()) != CONNECTION_OK || starts_with(sqlstate, "08") ||
        starts_with(sqlstate, "57P0"))
      throw ConnectionLost(message_of(error));
    if (must_prepare_anew(sqlstate)) throw StatementsGone(detail);
    throw ReadFailed(classify(sqlstate), detail);
  }
}

std::shared_ptr<const Snapshot> SnapshotReader::read(const SnapshotRequest& request) {
  for (bool again = false;; again = true) {
    try {
      auto snapshot = std::make_shared<Snapshot>();
      read_clock();
      snapshot->clock_offset = clock_offset_;
      const std::string device = request.device.text();
      read_window(device, request.points, *snapshot);
      read_state(device, *snapshot);
      return snapshot;
    } catch (const StatementsGone& gone) {
      session_->forget_statements();
      if (again) throw ReadFailed(SnapshotError::failed, gone.what());
    }
  }
}

void SnapshotReader::read_clock() {
  const auto now = steady_clock::now();
  if (clock_known_ && now - clock_read_ < kClockOffsetAge) return;
  guarded("clock", config_.sql.clock(), [&] {
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
  const SqlStatement& sql = config_.sql.metrics_window();
  const std::size_t limit = window_rows(points);
  auto at = session_->windows.find(limit);
  std::size_t found = 0;
  guarded("metrics_window", sql, [&] {
    if (at == session_->windows.end()) {
      at = session_->windows.try_emplace(limit, session_->sql, with_points(sql.text, limit), limit).first;
    }
    found = at->second.execute(device);
  });
  WindowStatement& window = at->second;
  std::uint8_t present = 0;
  snapshot.metrics.reserve(std::min(found, points));
  for (std::size_t row = 0; row < std::min(found, points); ++row) {
    const long long* us = window.recorded_at_us(row);
    if (us == nullptr) continue;
    MetricsRow& out = snapshot.metrics.emplace_back();
    out.recorded_at = timestamp(*us);
    for (std::size_t i = 0; i < proto::kMetricCount; ++i) {
      if (const std::string* text = window.text(i, row)) out.values.items[i] = proto::parse_row_value(*text);
      if (out.values.items[i].present) present = static_cast<std::uint8_t>(present | 1u << i);
    }
  }
  if (snapshot.metrics.empty()) return;
  // Oldest first, and rows of one stamp (a batch) in the order in which the index returned them: that of their
  // insertion.
  std::stable_sort(snapshot.metrics.begin(), snapshot.metrics.end(),
                   [](const MetricsRow& a, const MetricsRow& b) { return a.recorded_at < b.recorded_at; });

  std::uint8_t keys = 0;
  std::size_t last = 0;
  while (last + 1 < std::min(found, points) && window.text(proto::kMetricCount, last + 1) != nullptr) ++last;
  if (std::string* newest = window.text(proto::kMetricCount, last)) {
    snapshot.newest_metrics_json = session_->text.json_object(std::move(*newest), keys);
    if (snapshot.newest_metrics_json.empty()) config_.unusable("newest_json");
  }
  // A metric counts as read when the table has the column, or (for an operator's own statement) when it has values.
  snapshot.metric_mask = static_cast<std::uint8_t>(keys | present);
}

void SnapshotReader::read_state(const std::string& device, Snapshot& snapshot) {
  const SqlStatement& sql = config_.sql.latest_state();
  bool found = false;
  guarded("latest_state", sql, [&] {
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
