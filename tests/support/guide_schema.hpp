// The tables that the guide reads, as they are found in the field, and rows for them.
#pragma once

#include <optional>
#include <string>

#include "tests/support/postgres_client.hpp"

namespace pulsegate::test {

struct GuideSchema {
  std::string device_uuid_type = "uuid";  // some installations: "text"
  bool timestamptz = false;               // recorded_at: TIMESTAMP holding UTC, or TIMESTAMPTZ
  int days_before = 2;                    // daily partitions of device_metrics around today
  int days_after = 2;
  bool state_table = true;     // device_state_records
  bool devices_table = false;  // the `devices` table of later installations
};

// Drops what is there of these tables and creates them, with a default partition and the index
// (device_uuid, recorded_at DESC). `recorded_at` defaults to the database's clock at insertion.
void create_guide_schema(PostgresClient& client, const GuideSchema& schema = {});

// One row of device_metrics; an empty optional is NULL.
struct MetricsSample {
  std::string device;
  std::optional<std::string> recorded_at = std::nullopt;  // "2026-11-22 14:05:00.123", UTC; nullopt: now
  std::optional<double> cpu_usage = 12.5;
  std::optional<double> cpu_temp = 48.0;
  std::optional<long long> memory_usage = 2'147'483'648;
  std::optional<long long> memory_total = 8'589'934'592;
  std::optional<long long> storage_usage = 10'737'418'240;
  std::optional<long long> storage_total = 64'424'509'440;
  std::optional<long long> network_rx = 1'000;
  std::optional<long long> network_tx = 500;
  std::optional<std::string> top_processes = std::nullopt;  // JSON
};
void insert_metrics(PostgresClient& client, const MetricsSample& sample);

// `count` rows, `interval_seconds` apart, the newest `newest_age_seconds` old; cpu_usage counts 1, 2, … from the
// oldest.
void insert_metrics_series(PostgresClient& client, const std::string& device, int count, double interval_seconds = 10,
                           double newest_age_seconds = 60);

// One row of device_state_records.
struct StateSample {
  std::string device;
  std::optional<std::string> recorded_at = std::nullopt;  // as in MetricsSample
  std::optional<std::string> os_version = "Debian GNU/Linux 12 (bookworm)";
  std::optional<std::string> architecture = "arm64";
  std::optional<long long> uptime = 86'400;
  std::optional<std::string> hostname = "device-1";
  std::optional<std::string> ip_address = "192.0.2.10";
  std::optional<std::string> mac_address = "02:00:00:00:00:01";
  std::optional<std::string> top_processes = R"([{"pid": 1, "name": "init", "cpu": 0.1, "mem": 0.2}])";
  std::optional<std::string> network_interfaces = R"([{"name": "eth0", "ip4": "192.0.2.10", "operstate": "up"}])";
};
void insert_state(PostgresClient& client, const StateSample& sample);

}  // namespace pulsegate::test
