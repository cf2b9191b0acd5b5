// How a read on a connection fails, in terms of what to do next. Private to storage_postgres.
#pragma once

#include <stdexcept>
#include <string>

#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

// The connection is gone (SQLSTATE 08*, 57P0*, or libpq says so): destroy the reader, connect anew, try once more.
class ConnectionLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The server no longer has a prepared statement, or its tables were changed in a way that needs a new one: prepare all
// of them anew on the same connection, try once more.
class StatementsGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The connection is sound, the read is not: `error` is timed_out, unavailable or failed.
class ReadFailed : public std::runtime_error {
 public:
  ReadFailed(SnapshotError what, const std::string& detail) : std::runtime_error(detail), error(what) {}
  SnapshotError error;
};

}  // namespace pulsegate::storage
