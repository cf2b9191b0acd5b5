// The forms in which the tables of the guide are found in the field, and reports that try what the forms make
// different: NULLs, missing members, strings as numbers, digits that a column rounds away.
#pragma once

#include <string>
#include <vector>

#include "tests/support/json.hpp"
#include "tests/support/postgres_client.hpp"

namespace pulsegate::test {

struct Variant {
  enum class Columns { numeric, text, floating };

  std::string key_type;     // of device_uuid: "uuid" or "text"
  bool timestamptz;         // recorded_at: with time zone, else UTC without
  Columns columns;          // NUMERIC(5,2) and BIGINT; text; double precision
  bool optional_columns;    // whether the table has cpu_temp, storage_usage and storage_total
  std::string server_zone;  // of the database's sessions; never UTC
  std::string chart_zone;   // --time-zone
  int chart_minutes;        // what that zone is ahead of UTC

  std::string name() const;
};

// All combinations of key, stamp and columns; the rest is dealt out among them.
std::vector<Variant> all_variants();

// Brings tables that create_guide_schema() has made into the variant's form.
void apply_variant(PostgresClient& client, const Variant& variant);

// A value as it is published, as it is given to PostgreSQL, and the two numbers that JavaScript makes of it.
struct Cell {
  std::string json;  // empty: the member is missing
  SqlValue row;
  double published = 0;
  double stored = 0;
};

struct Report {
  int number = 0;
  Cell cpu, used, total, received, sent;
  Cell temperature;  // column cpu_temp, where there is one

  // The metrics object; its member "seq" is the number.
  std::string metrics() const;
};

// The report of that number (0 to 99): no two have the same values.
Report make_report(int number, const Variant& variant);

// A point of the three charts of `history`, in one.
struct ChartPoint {
  double cpu, used, available, download, upload;
  std::string timestamp, time;

  bool operator==(const ChartPoint& other) const;
};
std::ostream& operator<<(std::ostream& out, const ChartPoint& point);

// What the guide's server makes of the values as published, or as stored; `time_ms`: since 1970.
ChartPoint expected_point(const Report& report, bool stored, long long time_ms, const Variant& variant);
// The points of a `history` message, oldest first. Throws where the three charts do not belong together.
std::vector<ChartPoint> points_of(const Json& history);

}  // namespace pulsegate::test
