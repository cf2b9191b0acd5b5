#include "variant_reports.hpp"

#include <cmath>
#include <cstdio>
#include <ostream>
#include <stdexcept>

#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

std::string decimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.10g", value);
  return text;
}

Cell number(double value) {
  return {decimal(value), decimal(value), value, value};
}
// A number that is published as a string.
Cell quoted(double value) {
  return {"\"" + decimal(value) + "\"", decimal(value), value, value};
}
Cell null() {
  return {"null", std::nullopt, 0, 0};
}
Cell missing() {
  return {"", std::nullopt, 0, 0};
}
// A text that only a text column can hold; other installations store nothing.
Cell only_text(const std::string& text, double value, const Variant& variant, double elsewhere) {
  if (variant.columns != Variant::Columns::text) return quoted(elsewhere);
  return {"\"" + text + "\"", text, value, value};
}

Cell rounded_by_the_column(Cell cell, const Variant& variant) {
  // Half away from zero, as NUMERIC(5,2) does; the values used here have doubles that round the same way.
  if (variant.columns == Variant::Columns::numeric) cell.stored = std::round(cell.stored * 100) / 100;
  return cell;
}

Cell cpu_cell(int i, const Variant& variant) {
  switch (i % 9) {
    case 0:
      return number(i + 0.5);  // Math.round goes up
    case 1:
      return quoted(i + 0.34);
    case 2:
      return null();
    case 3:
      return number(i + 0.499);  // stored with two decimals it goes up, published it goes down
    case 4:
      return missing();
    case 5:
      return quoted(i + 0.125);
    case 6:
      return number(-i - 0.5);  // up is towards zero
    case 7:
      return only_text(std::to_string(i) + ".5%", i + 0.5, variant, i + 0.25);
    default:
      return number(i);
  }
}

Cell used_cell(int i) {
  switch (i % 6) {
    case 0:
      return number(i * kMebibyte + kMebibyte / 2);
    case 1:
      return quoted(i * kMebibyte + 1);
    case 2:
      return null();
    case 4:
      return missing();
    default:
      return quoted(i * kMebibyte - 1);
  }
}

Cell received_cell(int i, const Variant& variant) {
  if (i % 7 == 4) return null();
  if (i % 11 == 5) return only_text("n/a", 0, variant, 0);
  return i % 2 == 0 ? number(1'000'000.0 + i) : quoted(1'000'000.0 + i);
}

double js_round(double value) {
  return std::floor(value + 0.5);
}

// `02:05 PM`, as toLocaleTimeString('en-US', {hour:'2-digit', minute:'2-digit'}).
std::string clock_text(long long time_ms, int minutes_ahead) {
  const long long minute = time_ms / 60'000 + minutes_ahead;
  const int hour = static_cast<int>(minute / 60 % 24);
  char text[16];
  std::snprintf(text, sizeof text, "%02d:%02d %s", hour % 12 == 0 ? 12 : hour % 12, static_cast<int>(minute % 60),
                hour < 12 ? "AM" : "PM");
  return text;
}

}  // namespace

std::string Variant::name() const {
  const char* kinds[] = {"numeric", "text", "floating"};
  return key_type + (timestamptz ? ", timestamptz, " : ", timestamp, ") + kinds[static_cast<int>(columns)] +
         (optional_columns ? "" : ", few columns") + ", " + server_zone + ", chart in " + chart_zone;
}

std::vector<Variant> all_variants() {
  const char* zones[] = {"America/New_York", "Asia/Tokyo", "Australia/Adelaide"};
  std::vector<Variant> variants;
  for (const char* key : {"uuid", "text"})
    for (const bool timestamptz : {false, true})
      for (const auto columns : {Variant::Columns::numeric, Variant::Columns::text, Variant::Columns::floating}) {
        const std::size_t i = variants.size();
        const bool utc = i % 2 == 0;
        variants.push_back({key, timestamptz, columns, i % 5 < 3, zones[(i + i / 3) % 3], utc ? "UTC" : "Asia/Kolkata",
                            utc ? 0 : 330});
      }
  return variants;
}

void apply_variant(PostgresClient& client, const Variant& variant) {
  if (!variant.optional_columns) {
    client.exec(
        "ALTER TABLE device_metrics DROP COLUMN cpu_temp, DROP COLUMN storage_usage, DROP COLUMN storage_total");
  }
  std::string cpu = "NUMERIC(5,2)";
  std::string bytes = "BIGINT";
  if (variant.columns == Variant::Columns::text) cpu = bytes = "TEXT";
  if (variant.columns == Variant::Columns::floating) cpu = bytes = "DOUBLE PRECISION";
  client.exec("ALTER TABLE device_metrics ALTER COLUMN cpu_usage TYPE " + cpu);
  for (const char* column : {"memory_usage", "memory_total", "network_rx", "network_tx"})
    client.exec(std::string("ALTER TABLE device_metrics ALTER COLUMN ") + column + " TYPE " + bytes);
  if (variant.columns != Variant::Columns::text) return;
  for (const char* column : {"uptime", "top_processes", "network_interfaces"})
    client.exec(std::string("ALTER TABLE device_state_records ALTER COLUMN ") + column + " TYPE TEXT");
}

std::string Report::metrics() const {
  std::string text = "{\"seq\":" + std::to_string(this->number);
  const auto add = [&](const char* name, const Cell& cell) {
    if (!cell.json.empty()) text += std::string(",\"") + name + "\":" + cell.json;
  };
  add("cpu_usage", cpu);
  add("cpu_temp", temperature);
  add("memory_usage", used);
  add("memory_total", total);
  add("network_rx", received);
  add("network_tx", sent);
  return text + "}";
}

Report make_report(int i, const Variant& variant) {
  Report report;
  report.number = i;
  report.cpu = rounded_by_the_column(cpu_cell(i, variant), variant);
  report.used = used_cell(i);
  report.total = i % 5 == 3 ? null() : number(4096 * kMebibyte + i);
  report.received = received_cell(i, variant);
  report.sent = i % 10 == 9 ? missing() : number(500.0 + i);
  report.temperature = i % 4 == 1 ? null() : quoted(40 + i % 5);
  // One of which nothing is known but that it was made.
  if (i == 20) report.cpu = report.used = report.total = report.received = report.sent = report.temperature = null();
  return report;
}

bool ChartPoint::operator==(const ChartPoint& other) const {
  return cpu == other.cpu && used == other.used && available == other.available && download == other.download &&
         upload == other.upload && timestamp == other.timestamp && time == other.time;
}

std::ostream& operator<<(std::ostream& out, const ChartPoint& p) {
  return out << '{' << p.cpu << "% " << p.used << '/' << p.available << "MiB " << p.download << '/' << p.upload << ' '
             << p.timestamp << ' ' << p.time << '}';
}

ChartPoint expected_point(const Report& report, bool stored, long long time_ms, const Variant& variant) {
  const auto value = [&](const Cell& cell) { return stored ? cell.stored : cell.published; };
  return {js_round(value(report.cpu)),
          js_round(value(report.used) / kMebibyte),
          js_round((value(report.total) - value(report.used)) / kMebibyte),
          value(report.received),
          value(report.sent),
          iso_time(time_ms),
          clock_text(time_ms, variant.chart_minutes)};
}

std::vector<ChartPoint> points_of(const Json& history) {
  const Json data = history.at("data");
  std::vector<ChartPoint> points;
  for (std::size_t i = 0; i < data.at("cpu").size(); ++i) {
    const Json cpu = data.at("cpu").at(i);
    const Json memory = data.at("memory").at(i);
    const Json network = data.at("network").at(i);
    for (const char* member : {"time", "timestamp"})
      if (cpu.at(member) != memory.at(member) || cpu.at(member) != network.at(member))
        throw std::runtime_error("three charts of different points: " + history.text());
    points.push_back({cpu.at("value").number(), memory.at("used").number(), memory.at("available").number(),
                      network.at("download").number(), network.at("upload").number(), cpu.at("timestamp").string(),
                      cpu.at("time").string()});
  }
  if (data.at("memory").size() != points.size() || data.at("network").size() != points.size())
    throw std::runtime_error("three charts of different lengths: " + history.text());
  return points;
}

}  // namespace pulsegate::test
