// See postgres_client.hpp.
#include "tests/support/postgres_client.hpp"

#include <libpq-fe.h>

#include <stdexcept>

namespace pulsegate::test {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

SqlRows rows_of(PGconn* connection, PGresult* raw, const std::string& sql) {
  const Result result(raw, &PQclear);
  const ExecStatusType status = PQresultStatus(raw);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    throw std::runtime_error(std::string(PQerrorMessage(connection)) + "in: " + sql.substr(0, 1000));
  }
  SqlRows rows(static_cast<std::size_t>(PQntuples(raw)));
  for (int row = 0; row < PQntuples(raw); ++row) {
    for (int column = 0; column < PQnfields(raw); ++column) {
      SqlValue value;
      if (PQgetisnull(raw, row, column) == 0) value = PQgetvalue(raw, row, column);
      rows[static_cast<std::size_t>(row)].push_back(std::move(value));
    }
  }
  return rows;
}

}  // namespace

void PostgresClient::Free::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

PostgresClient::PostgresClient(const std::string& connection_string)
    : connection_(PQconnectdb((connection_string + " connect_timeout=10").c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  // Notices such as "table does not exist, skipping" would only clutter the test's output.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  exec("SET TIME ZONE 'UTC'; SET DateStyle = 'ISO, YMD'");
}

PostgresClient::~PostgresClient() = default;
PostgresClient::PostgresClient(PostgresClient&&) noexcept = default;

SqlRows PostgresClient::exec(const std::string& sql) {
  return rows_of(connection_.get(), PQexec(connection_.get(), sql.c_str()), sql);
}

SqlRows PostgresClient::exec(const std::string& sql, const std::vector<SqlValue>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  return rows_of(connection_.get(),
                 PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                              nullptr, nullptr, 0),
                 sql);
}

std::string PostgresClient::value(const std::string& sql) {
  const SqlRows rows = exec(sql);
  if (rows.empty() || rows[0].empty() || !rows[0][0]) throw std::runtime_error("no value from: " + sql);
  return *rows[0][0];
}

void PostgresClient::insert(const std::string& table, const std::map<std::string, SqlValue>& columns) {
  std::string names;
  std::string places;
  std::vector<SqlValue> values;
  for (const auto& [name, value] : columns) {
    values.push_back(value);
    names += (names.empty() ? "" : ", ") + name;
    places += (places.empty() ? "$" : ", $") + std::to_string(values.size());
  }
  exec("INSERT INTO " + table + " (" + names + ") VALUES (" + places + ")", values);
}

}  // namespace pulsegate::test
