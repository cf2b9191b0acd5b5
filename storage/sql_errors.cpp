// See sql_errors_internal.hpp. The class of a SQLSTATE decides.
#include <soci/postgresql/soci-postgresql.h>

#include "storage/sql_errors_internal.hpp"

namespace pulsegate::storage {
namespace {

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

}  // namespace

// Also without the excerpt of the statement ("LINE 1: …").
std::string message_of(const soci::soci_error& error) {
  std::string text = error.get_error_message();
  for (const std::string_view before : {"database.\n", "Connection failed.", "ERROR:  ", "FATAL:  "}) {
    const std::size_t at = text.find(before);
    if (at != std::string::npos) text.erase(0, at + before.size());
  }
  return one_line(std::string_view(text).substr(0, text.find("\nLINE ")));
}

void translate(const soci::soci_error& error, soci::session& sql, std::string_view name,
               const SqlStatement& statement) {
  const PGconn* connection = static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_;
  const std::string sqlstate = sqlstate_of(error);
  const std::string detail = "statement '" + std::string(name) + "' (" + statement.origin + "): " + message_of(error);
  if (PQstatus(connection) != CONNECTION_OK || starts_with(sqlstate, "08") || starts_with(sqlstate, "57P0"))
    throw ConnectionLost(message_of(error));
  if (must_prepare_anew(sqlstate)) throw StatementsGone(detail);
  throw ReadFailed(classify(sqlstate), detail);
}

}  // namespace pulsegate::storage
