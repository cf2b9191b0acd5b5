// SQL statements by name, read from files with sections `-- name: metrics_window`, so that an operator whose tables
// differ replaces a statement instead of patching the gateway. Checks what can be checked without a database.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::storage {

struct SqlStatement {
  std::string text;    // without comments and without the final semicolon
  std::string origin;  // "guide.sql:8", for messages
};

// By name: clock, metrics_window, latest_state, range_count, range_rows, range_extremes, range_mean, rows_after.
using SqlStatements = std::map<std::string, SqlStatement, std::less<>>;

// All statements that a PostgresSource needs, complete and checked. Thread: immutable value.
class SqlSet {
 public:
  // Throws std::invalid_argument with one sentence when a statement is missing.
  SqlSet(SqlStatements statements, std::string_view origin);

  const SqlStatement& clock() const { return statements_.at("clock"); }
  const SqlStatement& metrics_window() const { return statements_.at("metrics_window"); }
  const SqlStatement& latest_state() const { return statements_.at("latest_state"); }
  const SqlStatement& range_count() const { return statements_.at("range_count"); }
  const SqlStatement& range_rows() const { return statements_.at("range_rows"); }
  const SqlStatement& range_extremes() const { return statements_.at("range_extremes"); }
  const SqlStatement& range_mean() const { return statements_.at("range_mean"); }
  const SqlStatement& rows_after() const { return statements_.at("rows_after"); }

 private:
  SqlStatements statements_;
};

// `origin` names the file in messages. Throws std::invalid_argument with one sentence that has file and line: text
// before the first name, an unknown name, a name twice, an empty statement, two statements in one section, `::`, a
// parameter that the statement does not have, or one that it needs and does not use.
SqlStatements parse_sql(std::string_view text, std::string_view origin);

// `profile`: "guide" or "devices-table". The statements of `override_file` replace those of the profile.
// Throws std::invalid_argument with one sentence for the operator (unknown profile, unreadable or faulty file).
SqlSet load_sql(std::string_view profile, const std::optional<std::string>& override_file = std::nullopt);

// The statement with `:points` replaced by a number. A number that the planner sees makes the plan of a prepared
// statement reusable; with a parameter it would guess that a tenth of the rows is wanted, and plan anew for each call.
std::string with_points(const std::string& statement, std::size_t points);

// Whether the statement says WITH TIES, so that of rows with one stamp its limit takes all or none.
bool keeps_ties(const std::string& statement);

}  // namespace pulsegate::storage
