// The newest rows of a device on one connection: which statement answers, and what becomes of a batch of one stamp that
// their number cuts.
// Included by snapshot_reader.cpp only, since SOCI's headers are large.
#pragma once

#include <soci/soci.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "storage/named_sql.hpp"
#include "storage/prepared_statements_internal.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

// Whatever a statement returns, no more rows of a window are taken.
inline constexpr std::size_t kMaxWindowRows = 4000;

// Thread: that of the session. Owner: SnapshotReader, which destroys it before the session.
class WindowReader {
 public:
  WindowReader(soci::session& sql, const SqlSet& statements);

  struct Window {
    std::vector<MetricsRow> rows;  // oldest first, rows of one stamp in the order of their insertion
    std::string newest_json;       // of the last row, as the statement returned it; empty: NULL
  };

  // The newest `points` rows, 1–2 000, of which those of one stamp that were inserted last. Throws ConnectionLost,
  // StatementsGone or ReadFailed.
  Window read(const std::string& device, std::size_t points);

  void forget_statements() { prepared_.clear(); }

 private:
  // Returns how many rows came, newest first.
  std::size_t read_rows(const std::string& device, std::size_t limit, Window& window);

  soci::session& sql_;
  const SqlStatement& statement_;
  const bool whole_batches_;                       // see keeps_ties()
  std::map<std::size_t, RowsStatement> prepared_;  // by number of rows
};

}  // namespace pulsegate::storage
