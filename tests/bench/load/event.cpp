// One text with the values of a real report; what differs from event to event is overwritten in place.
#include "tests/bench/load/event.hpp"

#include <time.h>

#include <cstdio>
#include <cstring>

namespace pulsegate::bench {
namespace {

constexpr std::string_view kSequence = "1000000000";
constexpr std::string_view kStamp = "1000000000000000";
constexpr std::string_view kCpu = "45.25";
constexpr std::string_view kProcessCpu = "12.75";
constexpr std::string_view kZeroTime = "1970-01-01T00:00:00.000Z";

// The ten busiest processes in the field; seven keep the event at about 1.2 KB.
constexpr std::string_view kRestOfMetrics =
    R"(,"cpu_temp":54.3,"memory_usage":3221225472,"memory_total":8589934592,"storage_usage":64424509440,)"
    R"("storage_total":256060514304,"network_rx":918273645,"network_tx":192837465,"top_processes":[)"
    R"({"pid":812,"name":"node","cpu":)";
constexpr std::string_view kRestOfProcesses =
    R"(,"mem":6.1,"command":"/usr/bin/node /srv/agent/dist/index.js"},)"
    R"({"pid":1044,"name":"mosquitto","cpu":4.2,"mem":0.8,"command":"/usr/sbin/mosquitto -c /etc/mosquitto.conf"},)"
    R"({"pid":977,"name":"influxd","cpu":3.7,"mem":9.4,"command":"/usr/bin/influxd"},)"
    R"({"pid":1312,"name":"nodered","cpu":2.9,"mem":5.2,"command":"node-red --max-old-space-size=256"},)"
    R"({"pid":655,"name":"dockerd","cpu":1.4,"mem":2.7,"command":"/usr/bin/dockerd -H fd://"},)"
    R"({"pid":1,"name":"systemd","cpu":0.2,"mem":0.4,"command":"/sbin/init"}],"network_interfaces":[)"
    R"({"name":"eth0","type":"wired","ip4":"192.168.10.24","ip6":"fe80::dea6:32ff:fe01:2345","mac":"dc:a6:32:01:23:45",)"
    R"("operstate":"up","default":true,"virtual":false},)"
    R"({"name":"wlan0","type":"wireless","ip4":"10.42.0.1","mac":"dc:a6:32:01:23:46","operstate":"up","default":false,)"
    R"("virtual":false,"ssid":"plant-3","signalLevel":-58}]})";

}  // namespace

std::string device_uuid(std::size_t number) {
  char text[kUuidSize + 1];
  std::snprintf(text, sizeof text, "%08zx-0000-4000-8000-000000000000", number & 0xffffffff);
  return text;
}

std::uint64_t now_us() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

EventWriter::EventWriter(PublishForm form) {
  const std::string uuid = device_uuid(0);
  std::string object = R"({"bench_seq":)";
  const std::size_t sequence = object.size();
  object.append(kSequence).append(kStampKey);
  const std::size_t stamp = object.size();
  object.append(kStamp).append(R"(,"cpu_usage":)");
  const std::size_t cpu = object.size();
  object.append(kCpu).append(kRestOfMetrics);
  const std::size_t process = object.size();
  object.append(kProcessCpu).append(kRestOfProcesses);

  std::string body;
  std::size_t object_at = 0, uuid_in_body = 0, time_in_body = 0;
  if (form == PublishForm::message) {
    body.append(kMessageHead);
    object_at = body.size();
    body.append(object).append(R"(,"deviceUuid":")");
    uuid_in_body = body.size();
    body.append(uuid).append(R"(","timestamp":")");
  } else {
    body.append(kEnvelopeHead);
    uuid_in_body = body.size();
    body.append(uuid).append(kEnvelopeMetrics);
    object_at = body.size();
    body.append(object).append(kEnvelopeTime);
  }
  time_in_body = body.size();
  body.append(kZeroTime).append("\"}");

  if (form == PublishForm::redis) {
    const std::string topic_size = std::to_string(sizeof("device::metrics") - 1 + kUuidSize);
    text_ = "*3\r\n$7\r\nPUBLISH\r\n$" + topic_size + "\r\ndevice:";
    uuid_at_[0] = text_.size();
    text_ += uuid + ":metrics\r\n$" + std::to_string(body.size()) + "\r\n";
  } else if (form == PublishForm::message) {
    text_ = "POST /pub/";
    uuid_at_[0] = text_.size();
    text_ += uuid + " HTTP/1.1\r\nHost: bench\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  }
  const std::size_t body_at = text_.size();
  text_ += body;
  if (form == PublishForm::redis) text_ += "\r\n";
  uuid_at_[1] = body_at + uuid_in_body;
  sequence_at_ = body_at + object_at + sequence;
  stamp_at_ = body_at + object_at + stamp;
  cpu_at_ = body_at + object_at + cpu;
  process_at_ = body_at + object_at + process;
  time_at_ = body_at + time_in_body;
}

std::string_view EventWriter::render(std::size_t device, std::uint64_t sequence, std::uint64_t stamp_us) {
  if (uuid_at_[0] != 0) put_uuid(uuid_at_[0], device);
  put_uuid(uuid_at_[1], device);
  put_number(sequence_at_, kSequenceBase + sequence, kSequenceDigits);
  put_number(stamp_at_, kStampBase + stamp_us, kStampDigits);
  // Values differ from one event to the next, so that no server may take it for a report published twice.
  const std::uint64_t load = 1000 + (sequence * 37) % 9000;
  put_number(cpu_at_, load / 100, 2);
  put_number(cpu_at_ + 3, load % 100, 2);
  put_number(process_at_, 10 + load % 90, 2);
  put_time();
  return text_;
}

void EventWriter::put_number(std::size_t at, std::uint64_t value, std::size_t digits) noexcept {
  for (std::size_t i = at + digits; i > at; value /= 10) text_[--i] = static_cast<char>('0' + value % 10);
}

void EventWriter::put_uuid(std::size_t at, std::size_t device) noexcept {
  for (std::size_t i = at + 8; i > at; device >>= 4) text_[--i] = "0123456789abcdef"[device & 15];
}

void EventWriter::put_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec != second_) {
    second_ = now.tv_sec;
    tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    char text[kTimeSize];
    ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
    std::memcpy(&text_[time_at_], text, std::strlen(text));
  }
  put_number(time_at_ + 20, static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000, 3);
}

}  // namespace pulsegate::bench
