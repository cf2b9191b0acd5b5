// What `pulsegate doctor` says: one finding a check, with what to change. Who asks Redis, PostgreSQL and the machine is
// commands/doctor*.cpp; what the answers mean is decided here. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::ops {

enum class Verdict : std::uint8_t { ok, warn, fail };
std::string_view name(Verdict verdict) noexcept;

struct Finding {
  Verdict verdict = Verdict::ok;
  std::string check;   // what was looked at: "redis rights", the same in every run
  std::string says;    // one sentence or less, without a secret
  std::string advice;  // what to change; empty where nothing has to be
};

// Thread: one. Findings in the order of add().
class DoctorReport {
 public:
  void add(Finding finding) { findings_.push_back(std::move(finding)); }
  void ok(std::string check, std::string says) { add({Verdict::ok, std::move(check), std::move(says), {}}); }
  void warn(std::string check, std::string says, std::string advice) {
    add({Verdict::warn, std::move(check), std::move(says), std::move(advice)});
  }
  void fail(std::string check, std::string says, std::string advice) {
    add({Verdict::fail, std::move(check), std::move(says), std::move(advice)});
  }

  const std::vector<Finding>& findings() const noexcept { return findings_; }
  std::size_t count(Verdict verdict) const noexcept;
  // A line a finding, its advice below it, and a last line that counts.
  std::string text() const;
  // {"findings":[{"verdict","check","says","advice"}],"ok":…,"warn":…,"fail":…}
  std::string json() const;

 private:
  std::vector<Finding> findings_;
};

// A clock beside ours: events and rows are joined by time, so a second matters little and ten a lot. `whose`: "Redis".
Finding judge_clock(std::string_view whose, std::chrono::microseconds offset, std::chrono::microseconds round_trip);
// `setting`: what CONFIG GET client-output-buffer-limit answers. Redis cuts a subscriber that is behind by more.
Finding judge_output_buffer(std::string_view setting);
// How many files this process may open (the hard limit), beside what so many connections need.
Finding judge_descriptors(std::size_t hard_limit, std::size_t connections, std::size_t reserved);
// Bytes: what the process may have (0: no limit), and what backlog and memory of resumes may take of it.
Finding judge_memory(std::uint64_t limit, std::uint64_t bounded_parts);
// Tables without an index for the newest rows of a device.
Finding judge_indexes(const std::vector<std::string>& scanned);

}  // namespace pulsegate::ops
