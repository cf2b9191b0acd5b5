// A recording is NDJSON: one JSON object a line, in the order in which things happened. This is one line of it, in both
// directions; files, compression and rotation are bus/'s business.
//
//   {"pulsegate-recording":1,"created":"2026-11-22T14:05:00.123Z","source":"redis://127.0.0.1:6379/0"}
//   {"t":1795356300123456,"channel":"device:…:metrics","payload":{…}}
//   {"t":1795356300123456,"channel":"device:…:blob","payload64":"AAEC…"}
//   {"t":1795356309000000,"lost":{"from":1795356305000000,"reason":"bus"}}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "proto/json_scan.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

inline constexpr std::int64_t kRecordingVersion = 1;

// The first line of a file; files that were joined have it in the middle, too.
struct RecordingHeader {
  std::int64_t version = kRecordingVersion;
  std::string created;  // as written
  std::string source;   // where the events come from, without secrets; may be empty
};

// `t`: when the recorder got it, microseconds since the epoch. Views: into the line, or into the parser's own memory;
// valid until its next call.
struct RecordedEvent {
  Timestamp time{};
  std::string_view channel;
  std::string_view payload;
};

// Between `from` and `time` events may be missing.
struct RecordedLoss {
  Timestamp time{};
  Timestamp from{};
  std::string reason;        // "bus": the connection was lost; "queue": the disk was too slow; "oversized"
  std::uint64_t events = 0;  // how many, where that is known; else 0
};

struct RecordingFault {
  std::string reason;  // one sentence without a subject: "is not valid JSON"
};

using RecordingLine = std::variant<RecordedEvent, RecordedLoss, RecordingHeader, RecordingFault>;

// Writes lines, each with its line feed. Thread: one at a time.
class RecordingEncoder {
 public:
  void header(std::string& out, const RecordingHeader& header) const;
  // The payload verbatim where it is a JSON text in valid UTF-8 without line breaks, else as base64.
  void event(std::string& out, Timestamp time, std::string_view channel, std::string_view payload);
  void loss(std::string& out, const RecordedLoss& loss) const;

 private:
  JsonScanner scanner_;
};

// Reads lines, without their line feeds. Never throws on any input. Thread: one at a time.
// 1. What an encoder wrote is given back byte for byte.
// 2. Members that it does not know are passed over, and so are lines that a later version may add: see
// RecordingFault.
class RecordingParser {
 public:
  // `line` must outlive the use of the result.
  RecordingLine parse(std::string_view line);

 private:
  JsonScanner scanner_;
  std::string channel_;
  std::string payload_;
};

}  // namespace pulsegate::proto
