#include "variant_world.hpp"

#include <algorithm>
#include <set>

namespace pulsegate::test {
namespace {

using First = VariantDevice::First;

// Rows follow their events by up to a second, in order.
constexpr int kRowDelayMs = 1'000;
// A report of each device so often: a chart is sent at most once a second, so several reports are in each.
constexpr Millis kRound{80};

// Of the state that is reported in the middle.
constexpr const char* kNewAddress = "192.0.2.77";

StateSample state_row(const std::string& device, bool newer) {
  StateSample state;
  state.device = device;
  state.hostname = std::nullopt;
  if (!newer) return state;
  state.uptime = 90'000;
  state.ip_address = kNewAddress;
  state.top_processes = R"([{"pid":7,"name":"worker"}])";
  state.network_interfaces = R"([{"name":"wlan0"}])";
  return state;
}

}  // namespace

std::string state_event(const VariantDevice& device) {
  return R"({"deviceUuid":")" + device.uuid +
         R"(","state":{"uptime":"90000","local_ip":"192.0.2.77","hostname":null,)"
         R"("top_processes":[{"pid":7,"name":"worker"}],"network_interfaces":[{"name":"wlan0"}]},"timestamp":")" +
         iso_time(now_ms() + device.clock_ms) + "\"}";
}

void WatchingClient::drain() {
  while (const auto message = socket.receive(Millis(0))) {
    if (message->opcode == Opcode::close) throw std::runtime_error("closed: " + message->payload);
    received.push_back(message->json());
  }
}

std::vector<Json> WatchingClient::of_type(const std::string& type) const {
  std::vector<Json> found;
  std::copy_if(received.begin(), received.end(), std::back_inserter(found),
               [&](const Json& message) { return message.type() == type; });
  return found;
}

std::vector<ChartPoint> WatchingClient::chart() const {
  const auto charts = of_type("history");
  return charts.empty() ? std::vector<ChartPoint>() : points_of(charts.back());
}

std::string VariantDevice::name() const {
  const char* firsts[] = {"watched from before", "watched from the middle", "watched afterwards"};
  return variant->name() + "; " + firsts[static_cast<int>(first)] + ", clock " + std::to_string(clock_ms) + " ms, " +
         uuid;
}

std::vector<ChartPoint> VariantDevice::window() const {
  const std::size_t count = std::min(kWindow, expected.size());
  return {expected.end() - static_cast<std::ptrdiff_t>(count), expected.end()};
}

VariantWorld& VariantWorld::shared() {
  static VariantWorld world;
  return world;
}

VariantWorld::VariantWorld() : postgres_({150, {}, {}}), variants_(all_variants()) {
  postgres_.start();
  redis_.start();
  create_databases();
  for (const Variant& variant : variants_)
    for (const First first : {First::before, First::middle, First::after})
      for (const int clock_ms : {-5'000, 0, 5'000}) {
        devices_.emplace_back();
        devices_.back().variant = &variant;
        devices_.back().first = first;
        devices_.back().clock_ms = clock_ms;
        devices_.back().uuid = new_device();
      }
  write_older_rows();
  for (VariantDevice& device : devices_)
    if (device.first == First::before) connect(device, 0);
  for (int number = 0; number < kReports; ++number) {
    if (number == kMiddle) {
      for (VariantDevice& device : devices_)
        if (device.first != First::after) connect(device, number);
    }
    publish(number);
    eventually([&] { return write_due_rows(), false; }, kRound);
  }
  for (VariantDevice& device : devices_)
    if (device.first == First::before) connect(device, kReports);
  if (!eventually([&] { return write_due_rows(); })) throw std::runtime_error("rows were not written in time");
  for (VariantDevice& device : devices_)
    if (device.first == First::after) connect(device, kReports);
  receive_the_rest();
}

void VariantWorld::create_databases() {
  for (const Variant& variant : variants_) {
    const std::string name = "variant_" + std::to_string(databases_.size());
    const std::string connection = postgres_.create_database(name);
    postgres_.exec("ALTER DATABASE " + name + " SET timezone = '" + variant.server_zone + "'");
    databases_.emplace_back(connection);
    GuideSchema schema;
    schema.device_uuid_type = variant.key_type;
    schema.timestamptz = variant.timestamptz;
    create_guide_schema(databases_.back(), schema);
    apply_variant(databases_.back(), variant);
    gateways_.push_back(std::make_unique<GatewayProcess>(
        std::vector<std::string>{"--redis", redis_.url(), "--database", connection, "--auth", "none", "--row-lag", "3s",
                                 "--time-zone", variant.chart_zone}));
  }
}

PostgresClient& VariantWorld::sql(const VariantDevice& device) {
  return databases_[static_cast<std::size_t>(device.variant - variants_.data())];
}

long long VariantWorld::write_row(VariantDevice& device, const Report& report, const SqlValue& recorded_at) {
  std::vector<SqlValue> values = {device.uuid,      report.cpu.row,      report.used.row,
                                  report.total.row, report.received.row, report.sent.row};
  std::string columns = "device_uuid, cpu_usage, memory_usage, memory_total, network_rx, network_tx";
  std::string places = "$1, $2, $3, $4, $5, $6";
  const auto add = [&](const char* column, const SqlValue& value) {
    values.push_back(value);
    columns += std::string(", ") + column;
    places += ", $" + std::to_string(values.size());
  };
  if (device.variant->optional_columns) add("cpu_temp", report.temperature.row);
  if (recorded_at) add("recorded_at", recorded_at);
  const SqlRows stamp = sql(device).exec("INSERT INTO device_metrics (" + columns + ") VALUES (" + places +
                                             ") RETURNING floor(extract(epoch FROM recorded_at) * 1000)::bigint",
                                         values);
  return std::stoll(stamp.at(0).at(0).value());
}

void VariantWorld::write_older_rows() {
  const long long now = now_ms();
  for (VariantDevice& device : devices_) {
    for (int i = 0; i < kOlderRows; ++i) {
      const Report report = make_report(kFirstOlder + i, *device.variant);
      std::string stamp = iso_time(now - 10'000LL * (kOlderRows - i) - 250);
      stamp[10] = ' ';
      stamp.pop_back();  // our sessions are in UTC: the same text for both types of the column
      const long long time = write_row(device, report, stamp);
      device.expected.push_back(expected_point(report, true, time, *device.variant));
    }
    insert_state(sql(device), state_row(device.uuid, false));
  }
}

void VariantWorld::connect(VariantDevice& device, int next_report) {
  GatewayProcess& gateway = *gateways_[static_cast<std::size_t>(device.variant - variants_.data())];
  device.clients.push_back({gateway.open_device(device.uuid), {}});
  device.heard_from.push_back(next_report);
  WatchingClient& client = device.clients.back();
  client.socket.subscribe(kAllChannels);
  std::set<std::string> waiting(kAllChannels.begin(), kAllChannels.end());
  client.received = client.socket.expect_until([&](const Json& message) {
    if (message.type() == "subscribed") waiting.erase(message.at("channel").string());
    return waiting.empty();
  });
}

void VariantWorld::publish(int number) {
  std::vector<std::pair<std::string, std::string>> messages;
  for (VariantDevice& device : devices_) {
    const Report report = make_report(number, *device.variant);
    const long long now = now_ms();
    const long long time = now + device.clock_ms;
    // From its first client on a device is known by its events; a sample from before, by its row, once it is written.
    const bool heard = !device.clients.empty();
    device.expected.push_back(expected_point(report, !heard, time, *device.variant));
    // 0 to 1 s in no regular way, and never before the row of the report before.
    const long long delay = (number * 7919 + device.clock_ms + static_cast<int>(device.first) * 331) % kRowDelayMs;
    due_.push_back({&device, report, device.expected.size() - 1, now + std::max(delay, 0LL), number == kMiddle});
    messages.emplace_back("device:" + device.uuid + ":metrics", R"({"deviceUuid":")" + device.uuid + R"(","metrics":)" +
                                                                    report.metrics() + R"(,"timestamp":")" +
                                                                    iso_time(time) + "\"}");
    if (number == kMiddle) messages.emplace_back("device:" + device.uuid + ":state", state_event(device));
  }
  RedisClient redis = redis_.client();
  redis.publish_all(messages);
}

bool VariantWorld::write_due_rows() {
  std::set<VariantDevice*> held;
  std::vector<DueRow> left;
  for (DueRow& row : due_) {
    if (row.due_ms > now_ms() || held.count(row.device) != 0) {
      held.insert(row.device);
      left.push_back(std::move(row));
      continue;
    }
    const long long time = write_row(*row.device, row.report);
    if (row.with_state) insert_state(sql(*row.device), state_row(row.device->uuid, true));
    const bool heard = !row.device->heard_from.empty() && row.report.number >= row.device->heard_from.front();
    if (!heard) row.device->expected[row.place] = expected_point(row.report, true, time, *row.device->variant);
  }
  due_ = std::move(left);
  return due_.empty();
}

void VariantWorld::receive_the_rest() {
  // Rows of reports from before the first client are found by the second look, some seconds after its coming.
  eventually(
      [&] {
        bool all = true;
        for (VariantDevice& device : devices_)
          for (WatchingClient& client : device.clients) {
            client.drain();
            const auto info = client.of_type("system-info");
            all = all && client.chart() == device.window() && !client.of_type("metrics").empty() && !info.empty() &&
                  info.back().at("data").at("ipAddress").string() == kNewAddress;
          }
        return all;
      },
      kServerDeadline, Millis(50));
  for (VariantDevice& device : devices_)
    for (WatchingClient& client : device.clients)
      for (Json& message : client.socket.expect_until_pong()) client.received.push_back(std::move(message));
}

}  // namespace pulsegate::test
