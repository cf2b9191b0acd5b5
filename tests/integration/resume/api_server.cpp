#include "api_server.hpp"

#include <exception>
#include <utility>

#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

long long value_of(const DeviceHabits& habits, int report) {
  return habits.constant ? kConstantValue : kFirstValue + report;
}

std::string cpu_of(const DeviceHabits& habits, int report) {
  return habits.constant ? "50" : std::to_string(report) + ".25";
}

std::string metrics_of(const DeviceHabits& habits, int report) {
  return R"({"cpu_usage":)" + cpu_of(habits, report) +
         R"(,"memory_usage":1048576,"memory_total":4194304,"network_rx":)" + std::to_string(value_of(habits, report)) +
         R"(,"network_tx":20})";
}

}  // namespace

ApiServer::ApiServer(ApiOptions options)
    : options_(std::move(options)), sql_(options_.database), random_(options_.seed) {
  for (std::size_t i = 0; i < options_.devices.size(); ++i) {
    sources_.push_back({options_.devices[i], {}, {}});
    later(between(0, 1'000), {Task::Kind::report, i});
  }
}

void ApiServer::run() {
  try {
    run_tasks();
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error.what();
  }
  done_ = true;
}

std::string ApiServer::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::vector<PublishedReport> ApiServer::published(std::size_t device) const {
  const std::lock_guard lock(mutex_);
  return sources_[device].published;
}

void ApiServer::run_tasks() {
  while (!tasks_.empty()) {
    const auto next = tasks_.begin();
    const auto wait = std::chrono::ceil<Millis>(next->first - Clock::now());
    if (wait > Millis(0)) {
      pause_for(wait);  // the pace of the world
      continue;
    }
    const Task task = next->second;
    tasks_.erase(next);
    carry_out(task);
  }
}

void ApiServer::carry_out(const Task& task) {
  switch (task.kind) {
    case Task::Kind::report:
      report(task.device);
      break;
    case Task::Kind::copy:
      publish(task.device, task.report, nullptr);
      break;
    case Task::Kind::store:
      store(sources_[task.device]);
      break;
  }
}

void ApiServer::report(std::size_t device) {
  Source& source = sources_[device];
  const DeviceHabits& habits = source.habits;
  if (finishing_ && source.last_reports-- == 0) return;
  const int number = static_cast<int>(source.published.size());
  const bool doubled = habits.doubles && one_in(3);
  {
    // Known before it is published: a client may have it before we go on.
    const std::lock_guard lock(mutex_);
    source.published.push_back({now_ms(), true, doubled});
  }
  std::string stream_id;
  if (!publish(device, number, habits.storage == DeviceHabits::Storage::stream ? &stream_id : nullptr)) {
    const std::lock_guard lock(mutex_);
    source.published.back().on_bus = false;
  }
  if (doubled) later(between(0, 300), {Task::Kind::copy, device, number});

  const bool direct = habits.storage == DeviceHabits::Storage::direct;
  if (source.unwritten.empty())
    later(direct ? between(0, 20) : between(0, static_cast<int>(options_.longest_row_delay.count())),
          {Task::Kind::store, device});
  source.unwritten.push_back({number, stream_id});
  // Equal values less than a second apart are one doubled report, so equal reports take their time.
  later(between(habits.constant ? 1'200 : 500, habits.frequent ? 1'500 : 3'000), {Task::Kind::report, device});
}

// Whether Redis has taken it. With a stream it is appended there just before.
bool ApiServer::publish(std::size_t device, int report, std::string* stream_id) {
  const Source& source = sources_[device];
  const std::string& uuid = source.habits.uuid;
  const std::string time = iso_time(source.published[static_cast<std::size_t>(report)].time);
  const std::string metrics = metrics_of(source.habits, report);
  try {
    if (!redis_) redis_.emplace("127.0.0.1", options_.redis_port);
    if (stream_id != nullptr)
      *stream_id =
          redis_->command("XADD", "metrics:" + uuid, "MAXLEN", "~", "1000", "*", "timestamp", time, "data", metrics)
              .string;
    redis_->publish("device:" + uuid + ":metrics",
                    R"({"deviceUuid":")" + uuid + R"(","metrics":)" + metrics + R"(,"timestamp":")" + time + "\"}");
    return true;
  } catch (const std::exception&) {
    redis_.reset();  // as ioredis in the server: the event is dropped
    return false;
  }
}

// One statement for all, in order; stamped alike, or one by one.
void ApiServer::store(Source& source) {
  std::string sql =
      "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage, memory_usage, memory_total,"
      " network_rx, network_tx) VALUES ";
  std::vector<std::string> entries = {"XDEL", "metrics:" + source.habits.uuid};
  for (std::size_t i = 0; i < source.unwritten.size(); ++i) {
    const Row& row = source.unwritten[i];
    sql += (i == 0 ? "('" : ", ('") + source.habits.uuid + "', " +
           (source.habits.one_stamp ? "now()" : "clock_timestamp()") + " AT TIME ZONE 'UTC', " +
           cpu_of(source.habits, row.report) + ", 1048576, 4194304, " +
           std::to_string(value_of(source.habits, row.report)) + ", 20)";
    if (!row.stream_id.empty()) entries.push_back(row.stream_id);
  }
  source.unwritten.clear();
  sql_.exec(sql);
  if (entries.size() == 2) return;
  try {
    if (redis_) redis_->command(entries);
  } catch (const std::exception&) {
    redis_.reset();
  }
}

}  // namespace pulsegate::test
