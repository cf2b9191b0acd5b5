// Rows with NULLs, strings as numbers, TIMESTAMP and TIMESTAMPTZ, text and UUID keys, clocks 5 s apart: the chart is
// right, and so are the other channels.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>

#include "variant_world.hpp"

using namespace pulsegate::test;

namespace {

using First = VariantDevice::First;

void for_each_client(const std::function<void(const VariantDevice&, const WatchingClient&, int heard_from)>& judge,
                     const std::vector<First>& firsts) {
  for (const VariantDevice& device : VariantWorld::shared().devices()) {
    if (std::find(firsts.begin(), firsts.end(), device.first) == firsts.end()) continue;
    for (std::size_t i = 0; i < device.clients.size(); ++i)
      BOOST_TEST_CONTEXT(device.name() << ", client " << i) judge(device, device.clients[i], device.heard_from[i]);
  }
}

// Where the points of a window stand among all samples of the device; a point that is none of them is reported.
std::vector<std::ptrdiff_t> places_of(const std::vector<ChartPoint>& points, const VariantDevice& device) {
  std::vector<std::ptrdiff_t> places;
  for (const ChartPoint& point : points) {
    const auto found = std::find(device.expected.begin(), device.expected.end(), point);
    BOOST_TEST((found != device.expected.end()), "a point that is no sample: " << point);
    if (found != device.expected.end()) places.push_back(found - device.expected.begin());
  }
  return places;
}

bool strictly_rising(const std::vector<std::ptrdiff_t>& places) {
  return std::adjacent_find(places.begin(), places.end(), std::greater_equal<>()) == places.end();
}

// A metric of a row as `metrics` shows it: a number, or for a text column the text.
void check_column(const Json& data, const char* name, const Cell& cell, const Variant& variant) {
  const Json value = data.at(name);
  if (!cell.row) {
    BOOST_TEST(value.is_null(), name << " is " << value);
  } else if (variant.columns == Variant::Columns::text && std::string(name) != "cpu_temp") {
    BOOST_TEST(value.string() == *cell.row, name);
  } else {
    BOOST_TEST(value.number() == cell.stored, name);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(TableVariants)

BOOST_AUTO_TEST_CASE(in_the_end_every_chart_shows_each_sample_once_in_order) {
  for_each_client([](const VariantDevice& device, const WatchingClient& client,
                     int) { BOOST_TEST(client.chart() == device.window(), boost::test_tools::per_element()); },
                  {First::before, First::middle, First::after});
}

BOOST_AUTO_TEST_CASE(every_window_of_a_device_that_is_watched_from_before_is_exact) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int heard_from) {
        std::ptrdiff_t last =
            kOlderRows + heard_from - 1;  // what was published before this client came is in its first
        for (const Json& history : client.of_type("history")) {
          const auto places = places_of(points_of(history), device);
          BOOST_REQUIRE(!places.empty());
          BOOST_TEST(places.back() >= last);
          last = places.back();
          const std::size_t known = static_cast<std::size_t>(last) + 1;
          BOOST_TEST(places.size() == std::min(kWindow, known));
          BOOST_TEST(strictly_rising(places));
          BOOST_TEST(places.back() - places.front() + 1 == static_cast<std::ptrdiff_t>(places.size()));
        }
      },
      {First::before});
}

BOOST_AUTO_TEST_CASE(no_window_shows_a_sample_twice_while_rows_are_still_to_come) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int) {
        for (const Json& history : client.of_type("history"))
          BOOST_TEST(strictly_rising(places_of(points_of(history), device)));
      },
      {First::middle});
}

BOOST_AUTO_TEST_CASE(the_first_window_of_a_late_client_is_right_from_rows_alone) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int) {
        const auto charts = client.of_type("history");
        BOOST_REQUIRE(!charts.empty());
        BOOST_TEST(points_of(charts.front()) == device.window(), boost::test_tools::per_element());
      },
      {First::after});
}

BOOST_AUTO_TEST_CASE(metrics_brings_every_event_once_in_order_as_it_was_published) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int heard_from) {
        const bool known_before = device.heard_from.front() < heard_from;
        int next = known_before ? heard_from - 1 : heard_from;  // the latest sample comes first
        for (const Json& message : client.of_type("metrics")) {
          const bool event = message.at("data").has("seq");
          if (!event && !known_before && next == heard_from) continue;  // a row, where no event is known yet
          BOOST_REQUIRE(event);
          const Report report = make_report(next++, *device.variant);
          BOOST_TEST(message.at("data") == Json::parse(report.metrics()));
          const auto place = static_cast<std::size_t>(kOlderRows + report.number);
          BOOST_TEST(message.at("timestamp").string() == device.expected[place].timestamp);
          BOOST_TEST(message.at("deviceUuid").string() == device.uuid);
        }
        BOOST_TEST(next == kReports);
      },
      {First::before, First::middle});
}

BOOST_AUTO_TEST_CASE(metrics_of_a_late_client_is_the_newest_row_with_its_columns_as_keys) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int) {
        const auto samples = client.of_type("metrics");
        BOOST_REQUIRE(!samples.empty());
        BOOST_TEST(samples.back().at("timestamp").string() == device.expected.back().timestamp);
        const Json data = samples.back().at("data");
        const Variant& variant = *device.variant;
        const Report report = make_report(kReports - 1, variant);
        check_column(data, "cpu_usage", report.cpu, variant);
        check_column(data, "memory_usage", report.used, variant);
        check_column(data, "memory_total", report.total, variant);
        check_column(data, "network_rx", report.received, variant);
        check_column(data, "network_tx", report.sent, variant);
        BOOST_TEST(data.has("cpu_temp") == variant.optional_columns);
        if (variant.optional_columns) check_column(data, "cpu_temp", report.temperature, variant);
      },
      {First::after});
}

BOOST_AUTO_TEST_CASE(state_processes_and_interfaces_are_the_newest_of_row_and_event) {
  for_each_client(
      [](const VariantDevice&, const WatchingClient& client, int) {
        for (const char* type : {"system-info", "processes", "network-interfaces"})
          BOOST_REQUIRE(!client.of_type(type).empty());
        const Json info = client.of_type("system-info").back().at("data");
        // Of the event as it was published, of the row as the column's type says.
        const Json uptime = info.at("uptime");
        BOOST_TEST((uptime.is_string() ? uptime.string() == "90000" : uptime.number() == 90'000), info);
        BOOST_TEST(info.at("ipAddress").string() == "192.0.2.77");
        BOOST_TEST(info.at("os").string() == "Debian GNU/Linux 12 (bookworm)");
        BOOST_TEST(info.at("hostname").is_null());
        BOOST_TEST(client.of_type("processes").back().at("data").at("top_processes") ==
                   Json::parse(R"([{"pid":7,"name":"worker"}])"));
        BOOST_TEST(client.of_type("network-interfaces").back().at("data").at("interfaces") ==
                   Json::parse(R"([{"name":"wlan0"}])"));
      },
      {First::before, First::middle, First::after});
}

BOOST_AUTO_TEST_CASE(the_first_state_of_an_early_client_is_that_of_the_row) {
  for_each_client(
      [](const VariantDevice& device, const WatchingClient& client, int heard_from) {
        if (heard_from != 0) return;
        const Json info = client.of_type("system-info").front().at("data");
        const Json uptime = info.at("uptime");
        BOOST_TEST((device.variant->columns == Variant::Columns::text) == uptime.is_string());
        BOOST_TEST(info.at("ipAddress").string() == "192.0.2.10");
        BOOST_TEST(client.of_type("processes").front().at("data").at("top_processes").at(0).at("name").string() ==
                   "init");
        BOOST_TEST(client.of_type("network-interfaces").front().at("data").at("interfaces").at(0).at("name").string() ==
                   "eth0");
      },
      {First::before});
}

BOOST_AUTO_TEST_SUITE_END()
