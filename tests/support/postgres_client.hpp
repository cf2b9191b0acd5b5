// A blocking PostgreSQL client for tests: plays the API server that writes rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;

namespace pulsegate::test {

using SqlValue = std::optional<std::string>;  // text form; nullopt: NULL
using SqlRows = std::vector<std::vector<SqlValue>>;

// Thread: one at a time. Sessions run with time zone UTC and see a DateStyle of ISO.
class PostgresClient {
 public:
  // Throws std::runtime_error when the server cannot be reached.
  explicit PostgresClient(const std::string& connection_string);
  ~PostgresClient();
  PostgresClient(PostgresClient&&) noexcept;

  // One statement with parameters $1 …, or several statements without. Throws std::runtime_error with the server's
  // message.
  SqlRows exec(const std::string& sql);
  SqlRows exec(const std::string& sql, const std::vector<SqlValue>& parameters);
  // The first column of the first row; throws when there is none or it is NULL.
  std::string value(const std::string& sql);

  // INSERT INTO table (keys) VALUES (values).
  void insert(const std::string& table, const std::map<std::string, SqlValue>& columns);

 private:
  struct Free {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Free> connection_;
};

}  // namespace pulsegate::test
