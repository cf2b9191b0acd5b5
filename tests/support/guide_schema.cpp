// See guide_schema.hpp.
#include "tests/support/guide_schema.hpp"

#include <charconv>

namespace pulsegate::test {
namespace {

template <typename Number>
std::string text(Number number) {
  // The shortest form that reads back the same, as a JavaScript server would write it.
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, number);
  return {buffer, result.ptr};
}

template <typename Number>
SqlValue text(const std::optional<Number>& number) {
  return number ? SqlValue(text(*number)) : std::nullopt;
}

void insert_stamped(PostgresClient& client, const std::string& table, std::map<std::string, SqlValue> columns,
                    const std::optional<std::string>& recorded_at) {
  if (recorded_at) columns["recorded_at"] = recorded_at;
  client.insert(table, columns);
}

}  // namespace

void create_guide_schema(PostgresClient& client, const GuideSchema& schema) {
  client.exec("DROP TABLE IF EXISTS device_state_records, device_metrics, devices");
  // A TIMESTAMP holds UTC whatever the zone of the session that writes it.
  const std::string stamp = schema.timestamptz ? "TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()"
                                               : "TIMESTAMP NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')";
  const std::string device = "device_uuid " + schema.device_uuid_type + " NOT NULL, recorded_at " + stamp;
  client.exec("CREATE TABLE device_metrics (" + device +
              ", cpu_usage NUMERIC, cpu_temp NUMERIC, memory_usage BIGINT, memory_total BIGINT,"
              " storage_usage BIGINT, storage_total BIGINT, network_rx BIGINT, network_tx BIGINT, top_processes JSONB)"
              " PARTITION BY RANGE (recorded_at)");
  client.exec("CREATE TABLE device_metrics_default PARTITION OF device_metrics DEFAULT");
  client.exec(
      "DO $$ DECLARE day date; today date := (now() AT TIME ZONE 'UTC')::date; BEGIN"
      " FOR shift IN " +
      std::to_string(-schema.days_before) + ".." + std::to_string(schema.days_after) +
      " LOOP"
      "  day := today + shift;"
      "  EXECUTE format('CREATE TABLE device_metrics_%s PARTITION OF device_metrics FOR VALUES FROM (%L) TO (%L)',"
      "                 to_char(day, 'YYYY_MM_DD'), day, day + 1);"
      " END LOOP; END $$");
  client.exec("CREATE INDEX ON device_metrics (device_uuid, recorded_at DESC)");

  if (schema.state_table) {
    client.exec("CREATE TABLE device_state_records (id BIGSERIAL PRIMARY KEY, " + device +
                ", os_version TEXT, architecture TEXT, uptime BIGINT, hostname TEXT, ip_address TEXT, mac_address TEXT,"
                " top_processes JSONB, network_interfaces JSONB)");
    client.exec("CREATE INDEX ON device_state_records (device_uuid, recorded_at DESC)");
  }
  if (schema.devices_table) {
    client.exec("CREATE TABLE devices (uuid " + schema.device_uuid_type +
                " PRIMARY KEY, device_name TEXT, os_version TEXT,"
                " ip_address TEXT, mac_address TEXT, top_processes JSONB, network_interfaces JSONB)");
  }
}

void insert_metrics(PostgresClient& client, const MetricsSample& sample) {
  insert_stamped(client, "device_metrics",
                 {{"device_uuid", sample.device},
                  {"cpu_usage", text(sample.cpu_usage)},
                  {"cpu_temp", text(sample.cpu_temp)},
                  {"memory_usage", text(sample.memory_usage)},
                  {"memory_total", text(sample.memory_total)},
                  {"storage_usage", text(sample.storage_usage)},
                  {"storage_total", text(sample.storage_total)},
                  {"network_rx", text(sample.network_rx)},
                  {"network_tx", text(sample.network_tx)},
                  {"top_processes", sample.top_processes}},
                 sample.recorded_at);
}

void insert_metrics_series(PostgresClient& client, const std::string& device, int count, double interval_seconds,
                           double newest_age_seconds) {
  // One statement, so one clock: the rows are exactly `interval_seconds` apart. now() stands still within a statement.
  client.exec(
      "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage, memory_usage, memory_total, network_rx,"
      " network_tx) SELECT '" +
      device + "', now() - make_interval(secs => " + text(newest_age_seconds) + " + (" + std::to_string(count) +
      " - i) * " + text(interval_seconds) +
      "), i % 1000, 1048576::bigint * i, 1048576::bigint * 8192, 100 * i, 10 * i FROM generate_series(1, " +
      std::to_string(count) + ") i");
}

void insert_state(PostgresClient& client, const StateSample& sample) {
  insert_stamped(client, "device_state_records",
                 {{"device_uuid", sample.device},
                  {"os_version", sample.os_version},
                  {"architecture", sample.architecture},
                  {"uptime", text(sample.uptime)},
                  {"hostname", sample.hostname},
                  {"ip_address", sample.ip_address},
                  {"mac_address", sample.mac_address},
                  {"top_processes", sample.top_processes},
                  {"network_interfaces", sample.network_interfaces}},
                 sample.recorded_at);
}

}  // namespace pulsegate::test
