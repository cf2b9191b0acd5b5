#include "storage/inspection.hpp"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>
#include <exception>

#include "storage/connection_string.hpp"

namespace pulsegate::storage {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr char kNobody[] = "'00000000-0000-0000-0000-000000000000'";

std::string with_device(std::string text) {
  constexpr std::string_view kParameter = ":device";
  for (std::size_t at = text.find(kParameter); at != std::string::npos; at = text.find(kParameter, at))
    text.replace(at, kParameter.size(), kNobody);
  return text;
}

std::string first_line(const char* text) {
  std::string line(text);
  line.resize(std::min(line.find('\n'), line.size()));
  return line;
}

void read_clock(soci::session& sql, DatabaseFacts& facts) {
  // The quickest of a few: the first also warms up.
  for (int i = 0; i < 5; ++i) {
    const auto before = std::chrono::system_clock::now();
    long long database = 0;
    sql << "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)", soci::into(database);
    const auto after = std::chrono::system_clock::now();
    const auto took = duration_cast<microseconds>(after - before);
    if (i > 0 && took >= facts.round_trip) continue;
    facts.round_trip = took;
    const auto ours = duration_cast<microseconds>((before + (after - before) / 2).time_since_epoch());
    facts.clock_offset = microseconds(database) - ours;
  }
}

void read_plan(soci::session& sql, const SqlSet& statements, DatabaseFacts& facts) {
  sql << "SET enable_seqscan = off";
  const std::string statement = with_device(with_points(statements.metrics_window().text, 30));
  std::vector<std::string> plan;
  const soci::rowset<std::string> lines = (sql.prepare << "EXPLAIN " + statement);
  for (const std::string& line : lines) plan.push_back(line);
  facts.scanned = scanned_tables(plan);
}

}  // namespace

std::vector<std::string> scanned_tables(const std::vector<std::string>& plan) {
  constexpr std::string_view kScan = "Seq Scan on ";
  std::vector<std::string> tables;
  for (const std::string& line : plan) {
    const std::size_t at = line.find(kScan);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + kScan.size();
    std::string table = line.substr(begin, line.find(' ', begin) - begin);
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) tables.push_back(std::move(table));
  }
  return tables;
}

DatabaseFacts inspect_database(const std::string& connection, const SqlSet& statements, std::chrono::seconds timeout) {
  DatabaseFacts facts;
  if (const auto fault = check_connection_string(connection)) {
    facts.fault = *fault;
    return facts;
  }
  try {
    soci::session sql(soci::postgresql, complete_connection_string(connection, timeout));
    sql << "SET statement_timeout = " << duration_cast<std::chrono::milliseconds>(timeout).count();
    std::string superuser;
    sql << "SELECT current_setting('server_version'), current_setting('is_superuser'), "
           "CAST(current_setting('max_connections') AS integer)",
        soci::into(facts.version), soci::into(superuser), soci::into(facts.max_connections);
    facts.superuser = superuser == "on";
    read_clock(sql, facts);
    read_plan(sql, statements, facts);
  } catch (const std::exception& fault) {
    facts.fault = first_line(fault.what());
  }
  return facts;
}

}  // namespace pulsegate::storage
