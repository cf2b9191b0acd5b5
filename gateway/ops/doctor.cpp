#include "gateway/ops/doctor.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "proto/message.hpp"

namespace pulsegate::ops {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kMi = 1024 * 1024;
// What a subscriber of 2 000 events/s of 1.2 KB has behind it after ten seconds; Redis' default is 32 MB.
constexpr std::size_t kSmallBuffer = 16 * kMi;

std::string seconds(microseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(time).count());
  return text;
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes / kMi) + " MiB";
}

// The hard limit of the class `pubsub` in "normal 0 0 0 slave … pubsub 33554432 8388608 60"; -1: it is not there.
long long pubsub_limit(std::string_view setting) {
  constexpr std::string_view kClass = "pubsub ";
  const std::size_t at = setting.find(kClass);
  long long bytes = -1;
  if (at != std::string_view::npos)
    std::from_chars(setting.data() + at + kClass.size(), setting.data() + setting.size(), bytes);
  return bytes;
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warn:
      return "warn";
    case Verdict::fail:
      break;
  }
  return "fail";
}

std::size_t DoctorReport::count(Verdict verdict) const noexcept {
  return static_cast<std::size_t>(std::count_if(findings_.begin(), findings_.end(),
                                                [verdict](const Finding& each) { return each.verdict == verdict; }));
}

std::string DoctorReport::text() const {
  std::size_t width = 0;
  for (const Finding& each : findings_) width = std::max(width, each.check.size());
  std::string out;
  for (const Finding& each : findings_) {
    std::string verdict(name(each.verdict));
    verdict.resize(6, ' ');
    std::string check = each.check;
    check.resize(width + 2, ' ');
    out.append(verdict).append(check).append(each.says).append(1, '\n');
    if (!each.advice.empty()) out.append(8 + width, ' ').append("→ ").append(each.advice).append(1, '\n');
  }
  return out + std::to_string(count(Verdict::ok)) + " ok, " + std::to_string(count(Verdict::warn)) + " to look at, " +
         std::to_string(count(Verdict::fail)) + " to mend\n";
}

std::string DoctorReport::json() const {
  std::string out = "{\"findings\":[";
  for (const Finding& each : findings_) {
    if (out.back() == '}') out.push_back(',');
    out.append("{\"verdict\":\"").append(name(each.verdict)).append("\",\"check\":");
    proto::append_json_string(out, each.check);
    out.append(",\"says\":");
    proto::append_json_string(out, each.says);
    out.append(",\"advice\":");
    proto::append_json_string(out, each.advice);
    out.push_back('}');
  }
  for (const Verdict verdict : {Verdict::ok, Verdict::warn, Verdict::fail})
    out.append(verdict == Verdict::ok ? "],\"" : ",\"").append(name(verdict)).append("\":") +=
        std::to_string(count(verdict));
  return out + "}\n";
}

Finding judge_clock(std::string_view whose, microseconds offset, microseconds round_trip) {
  const std::string check = std::string(whose) + " clock";
  // Half of the round trip is unknown.
  const microseconds sure = std::max(microseconds(0), std::max(offset, -offset) - round_trip / 2);
  const std::string says =
      seconds(std::max(offset, -offset)) + (offset.count() >= 0 ? " ahead of" : " behind") + " this machine's";
  if (sure < milliseconds(1'000)) return {Verdict::ok, check, says, {}};
  const std::string advice = "let NTP (chrony, systemd-timesyncd) keep the clocks of both machines";
  return {sure < milliseconds(10'000) ? Verdict::warn : Verdict::fail, check, says, advice};
}

Finding judge_output_buffer(std::string_view setting) {
  const std::string check = "redis output buffer";
  const long long bytes = pubsub_limit(setting);
  if (bytes < 0) return {Verdict::warn, check, "cannot be told", "look at client-output-buffer-limit pubsub yourself"};
  if (bytes == 0) return {Verdict::ok, check, "no limit for subscribers", {}};
  const std::string says =
      "a subscriber that is " + mebibytes(static_cast<std::uint64_t>(bytes)) + " behind is cut off";
  if (static_cast<std::size_t>(bytes) >= kSmallBuffer) return {Verdict::ok, check, says, {}};
  return {Verdict::warn, check, says, "CONFIG SET client-output-buffer-limit \"pubsub 64mb 32mb 60\""};
}

Finding judge_descriptors(std::size_t hard_limit, std::size_t connections, std::size_t reserved) {
  const std::string says = std::to_string(hard_limit) + " files may be open, " + std::to_string(connections) +
                           " clients and " + std::to_string(reserved) + " others are allowed for";
  if (hard_limit >= connections + reserved) return {Verdict::ok, "open files", says, {}};
  return {hard_limit <= reserved ? Verdict::fail : Verdict::warn, "open files", says,
          "raise the hard limit (LimitNOFILE=, ulimit -Hn) to " + std::to_string(connections + reserved) +
              ", or lower --max-connections"};
}

Finding judge_memory(std::uint64_t limit, std::uint64_t bounded_parts) {
  if (limit == 0)
    return {Verdict::warn, "memory", "nothing limits this process",
            "give the container a memory limit, or --memory-limit, so that newcomers are refused before others suffer"};
  const std::string says = mebibytes(limit) + " may be used; backlogs and what devices remember may take " +
                           mebibytes(bounded_parts) + " of it";
  if (bounded_parts <= limit / 2) return {Verdict::ok, "memory", says, {}};
  return {Verdict::warn, "memory", says, "lower --backlog-limit and --resume-memory, or raise the limit"};
}

Finding judge_indexes(const std::vector<std::string>& scanned) {
  if (scanned.empty()) return {Verdict::ok, "database index", "the newest rows of a device are found by an index", {}};
  std::string advice;
  for (const std::string& table : scanned)
    advice += (advice.empty() ? "" : " ") + std::string("CREATE INDEX CONCURRENTLY ON ") + table +
              " (device_uuid, recorded_at DESC);";
  return {Verdict::fail, "database index",
          "each first client of a device makes PostgreSQL read all of " + scanned.front() +
              (scanned.size() > 1 ? " and others" : ""),
          advice};
}

}  // namespace pulsegate::ops
