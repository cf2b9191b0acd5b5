// See world.hpp.
#include "tests/conformance/guide/world.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdio>

namespace pulsegate::test {
namespace {

struct World {
  RedisServer redis;
  PostgresServer postgres;
  std::vector<std::unique_ptr<Installation>> installations;

  World() {
    redis.start();
    postgres.start();
    add("uuid, TIMESTAMP", {}, "");
    GuideSchema text_and_zone;
    text_and_zone.device_uuid_type = "text";
    text_and_zone.timestamptz = true;
    add("text, TIMESTAMPTZ", text_and_zone, "");
    add("other column types", {},
        "ALTER TABLE device_metrics ALTER cpu_usage TYPE DOUBLE PRECISION, ALTER memory_usage TYPE NUMERIC,"
        " ALTER memory_total TYPE DOUBLE PRECISION;"
        "ALTER TABLE device_state_records ALTER uptime TYPE INTEGER, ALTER hostname TYPE VARCHAR(200),"
        " ALTER ip_address TYPE INET USING ip_address::inet, ALTER mac_address TYPE MACADDR USING mac_address::macaddr,"
        " ALTER top_processes TYPE JSON, ALTER network_interfaces TYPE JSON");
  }
  void add(const std::string& name, const GuideSchema& schema, const std::string& alterations) {
    installations.push_back(std::make_unique<Installation>(name, redis, postgres, schema, alterations));
  }
};

std::unique_ptr<World> world;

}  // namespace

const std::string kSubscribeAll =
    R"({"type":"subscribe","channels":["metrics","processes","system-info","history","network-interfaces"]})";
const std::set<std::string> kEverything = {"system-info", "processes", "history", "network-interfaces"};

void start_world() {
  world = std::make_unique<World>();
}

void stop_world() {
  for (auto& installation : installations()) BOOST_TEST(installation->stop_gateway() == 0, installation->logs());
  world.reset();
}

std::vector<std::unique_ptr<Installation>>& installations() {
  return world->installations;
}

Installation& any_installation() {
  return *installations().front();
}

void compare(Installation& installation, const Conversation& conversation) {
  BOOST_TEST_CONTEXT("with " << installation.name()) {
    const Transcript guide = installation.ask_guide(conversation);
    // Without this a guide's server that cannot read its tables would be matched by a gateway that cannot either.
    BOOST_TEST(data_types(guide) == conversation.expected, boost::test_tools::per_element());
    const Transcript gateway = installation.ask_gateway(conversation);
    for (const std::string& difference : differences(guide, gateway)) BOOST_ERROR(difference);
  }
}

void compare_all(const std::function<void(DeviceRows&)>& fill, const std::set<std::string>& expected) {
  for (auto& installation : installations()) {
    DeviceRows rows = installation->rows(new_device());
    fill(rows);
    compare(*installation, {rows.device(), {kSubscribeAll}, expected});
  }
}

DeviceRows device_with_full_rows(Installation& installation) {
  DeviceRows rows = installation.rows(new_device());
  rows.metrics(minute(0), full_metrics());
  rows.state(minute(0), full_state());
  return rows;
}

Columns full_metrics() {
  return {{"cpu_usage", "45.27"},
          {"cpu_temp", "51.5"},
          {"memory_usage", "2147483648"},
          {"memory_total", "8589934592"},
          {"storage_usage", "10737418240"},
          {"storage_total", "64424509440"},
          {"network_rx", "123456789"},
          {"network_tx", "987654321"},
          {"top_processes", R"([{"pid": 9, "name": "of the metrics row"}])"}};
}

Columns full_state() {
  return {{"os_version", "Debian GNU/Linux 12 (bookworm)"},
          {"architecture", "arm64"},
          {"uptime", "86400"},
          {"hostname", "device-1"},
          {"ip_address", "192.0.2.10"},
          {"mac_address", "02:00:00:00:00:01"},
          {"top_processes", R"([{"pid": 1, "name": "init", "cpu": 0.1, "mem": 0.25, "command": "/sbin/init"}])"},
          {"network_interfaces", R"([{"name": "eth0", "type": "wired", "ip4": "192.0.2.10", "ip6": null,)"
                                 R"( "mac": "02:00:00:00:00:01", "default": true, "signalLevel": -61.5}])"}};
}

std::string minute(int i) {
  char text[32];
  std::snprintf(text, sizeof text, "2026-11-22 14:%02d:00", i);
  return text;
}

}  // namespace pulsegate::test
