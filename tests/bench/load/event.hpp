// The events of the benchmark: what the API server publishes for one metrics report, about 1.2 KB, of fixed length,
// with a sequence number and the time of publishing in it. Generator, floors and micro-benchmarks share this layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pulsegate::bench {

// The envelope around the metrics object. Its lengths are fixed, so a floor finds the object without parsing.
inline constexpr std::string_view kEnvelopeHead = R"({"deviceUuid":")";
inline constexpr std::string_view kEnvelopeMetrics = R"(","metrics":)";
inline constexpr std::string_view kEnvelopeTime = R"(,"timestamp":")";
inline constexpr std::size_t kUuidSize = 36;
inline constexpr std::size_t kTimeSize = 24;  // 2026-11-22T14:05:00.123Z
inline constexpr std::size_t kMetricsAt = kEnvelopeHead.size() + kUuidSize + kEnvelopeMetrics.size();
inline constexpr std::size_t kAfterMetrics = kEnvelopeTime.size() + kTimeSize + 2;  // up to `"}`

// How a delivered event begins, byte for byte, from every server under test.
inline constexpr std::string_view kMessageHead = R"({"type":"metrics","data":)";
inline constexpr std::string_view kEventHead = R"({"type":"metrics","data":{"bench_seq":)";
inline constexpr std::size_t kSequenceDigits = 10;
inline constexpr std::string_view kStampKey = R"(,"bench_us":)";
inline constexpr std::size_t kStampDigits = 16;
// Added so that the first digit is never 0, which JSON forbids; below 2^53, so that JavaScript prints what it has read.
inline constexpr std::uint64_t kSequenceBase = 1'000'000'000;
inline constexpr std::uint64_t kStampBase = 1'000'000'000'000'000;

// "<number, 8 hex digits>-0000-4000-8000-000000000000"
std::string device_uuid(std::size_t number);

// CLOCK_MONOTONIC. Both ends of a latency are read on the same host.
std::uint64_t now_us() noexcept;

enum class PublishForm : std::uint8_t {
  redis,    // PUBLISH device:<uuid>:metrics <event>
  message,  // POST /pub/<uuid> with the finished message, for a server that has no idea of our events
  payload   // the event alone
};

// Renders events by patching one text in place, so that the generator spends next to nothing on them.
class EventWriter {
 public:
  explicit EventWriter(PublishForm form);

  // `sequence` < 9e9. The view is valid until the next call.
  std::string_view render(std::size_t device, std::uint64_t sequence, std::uint64_t stamp_us);

 private:
  void put_number(std::size_t at, std::uint64_t value, std::size_t digits) noexcept;
  void put_uuid(std::size_t at, std::size_t device) noexcept;
  void put_time() noexcept;

  std::string text_;
  std::size_t uuid_at_[3] = {};  // in the topic or path, in the envelope; 0: none
  std::size_t sequence_at_ = 0, stamp_at_ = 0, cpu_at_ = 0, process_at_ = 0, time_at_ = 0;
  std::int64_t second_ = -1;  // of the time that stands in text_
};

}  // namespace pulsegate::bench
