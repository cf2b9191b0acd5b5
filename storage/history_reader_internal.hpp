// History on one connection: which statement answers a request, and what becomes of its rows.
// Included by snapshot_reader.cpp only, since SOCI's headers are large.
#pragma once

#include <soci/soci.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/metric_values.hpp"
#include "storage/history_source.hpp"
#include "storage/named_sql.hpp"
#include "storage/prepared_statements_internal.hpp"

namespace pulsegate::storage {

// Thread: that of the session. Owner: SnapshotReader, which destroys it before the session.
class HistoryReader {
 public:
  HistoryReader(soci::session& sql, const SqlSet& statements) : sql_(sql), statements_(statements) {}

  // Throw ConnectionLost, StatementsGone or ReadFailed. Points must be within their bounds.
  History read(const RangeRequest& request);
  History read(const AfterRequest& request);

  void forget_statements();

 private:
  std::size_t count(const RowParameters& parameters);
  void read_rows(std::string_view name, const SqlStatement& statement, std::unique_ptr<RowsStatement>& prepared,
                 const std::string& text, const std::vector<proto::Metric>& columns, const RowParameters& parameters,
                 History& history);

  soci::session& sql_;
  const SqlSet& statements_;
  std::unique_ptr<CountStatement> count_;
  std::unique_ptr<RowsStatement> rows_, extremes_, mean_;
  std::map<std::size_t, std::unique_ptr<RowsStatement>> after_;  // by number of rows
};

}  // namespace pulsegate::storage
