// See recording.hpp. Nothing is taken from a line before all of it was valid JSON; then slices of the line serve where
// that is possible, since a payload must come back as it was.
#include "proto/recording.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proto/base64.hpp"
#include "proto/limits.hpp"
#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

constexpr std::string_view kVersionKey = "pulsegate-recording";

// Whether a text is JSON, and how deep.
class DepthVisitor final : public JsonVisitor {
 public:
  std::size_t deepest = 0;  // objects and arrays that stand open at once

  void key(std::size_t, std::string_view) override {}
  void scalar(std::size_t, JsonKind, std::string_view) override {}
  void open(std::size_t depth, JsonKind, std::size_t) override { deepest = std::max(deepest, depth + 1); }
  void close(std::size_t, JsonKind, std::size_t) override {}
};

std::int64_t micros(Timestamp time) {
  return time.time_since_epoch().count();
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Years 1970 to 9999, as everywhere.
std::optional<Timestamp> timestamp(std::string_view text) {
  constexpr std::int64_t kEnd = 253'402'300'800'000'000;
  const auto value = integer(text);
  if (!value || *value < 0 || *value >= kEnd) return std::nullopt;
  return Timestamp(Timestamp::duration(*value));
}

void append_time(std::string& out, Timestamp time) {
  out += R"({"t":)";
  out += std::to_string(micros(time));
}

// A text as JSON, or with the key's name made longer as base64, since not all bytes are a text.
void append_text(std::string& out, JsonScanner& scanner, std::string_view name, std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  DepthVisitor nothing;
  const bool valid = scanner.scan(quoted, nothing) == JsonScan::ok;
  out += ",\"";
  out += name;
  if (valid) {
    out += "\":";
    out += quoted;
    return;
  }
  out += "64\":\"";
  append_base64(out, text);
  out += '"';
}

enum class Member : std::uint8_t { none, time, channel, channel64, payload, payload64, lost, version, created, source };

Member member_of(std::string_view name) {
  constexpr std::pair<std::string_view, Member> kNames[] = {{"t", Member::time},
                                                            {"channel", Member::channel},
                                                            {"channel64", Member::channel64},
                                                            {"payload", Member::payload},
                                                            {"payload64", Member::payload64},
                                                            {"lost", Member::lost},
                                                            {kVersionKey, Member::version},
                                                            {"created", Member::created},
                                                            {"source", Member::source}};
  for (const auto& [text, member] : kNames)
    if (text == name) return member;
  return Member::none;
}

// The members of one line. A repeated one: the last counts.
class LineReader final : public JsonVisitor {
 public:
  bool is_object = false;
  bool has_time = false, has_channel = false, has_payload = false, has_payload64 = false, has_lost = false,
       has_version = false, bad = false;
  std::optional<Timestamp> time, lost_from;
  std::optional<std::int64_t> version;
  std::string channel, payload64, created, source, lost_reason;
  bool channel_is_base64 = false;
  std::uint64_t lost_events = 0;
  // Of a payload that is an object or an array, in the line.
  std::size_t payload_begin = 0, payload_end = 0;
  JsonKind payload_kind = JsonKind::null;
  std::string payload_text;                     // of a scalar
  std::size_t members = 0, payload_number = 0;  // it was the first member, the second, …

  void key(std::size_t depth, std::string_view name) override {
    if (depth == 1) {
      ++members;
      member_ = member_of(name);
      if (member_ == Member::payload) payload_number = members;
    } else if (depth == 2 && member_ == Member::lost) {
      lost_member_.assign(name);
    }
  }
  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    if (depth == 2 && member_ == Member::lost) return lost(kind, text);
    if (depth == 1) member(kind, text);
  }
  void open(std::size_t depth, JsonKind kind, std::size_t begin) override {
    if (depth == 0) is_object = kind == JsonKind::object;
    if (depth != 1) return;
    if (member_ == Member::payload) {
      has_payload = true;
      payload_kind = kind;
      payload_begin = begin;
    } else if (member_ == Member::lost) {
      has_lost = true;
    } else if (member_ != Member::none) {
      bad = true;
    }
  }
  void close(std::size_t depth, JsonKind, std::size_t end) override {
    if (depth == 1 && member_ == Member::payload) payload_end = end;
  }

 private:
  void member(JsonKind kind, std::string_view text) {
    const bool is_string = kind == JsonKind::string;
    switch (member_) {
      case Member::none:
        return;
      case Member::time:
        has_time = true;
        time = kind == JsonKind::number ? timestamp(text) : std::nullopt;
        return;
      case Member::channel:
      case Member::channel64:
        has_channel = is_string;
        channel_is_base64 = member_ == Member::channel64;
        channel.assign(text);
        return;
      case Member::payload:
        has_payload = true;
        payload_kind = kind;
        payload_text.assign(text);
        return;
      case Member::payload64:
        has_payload64 = is_string;
        payload64.assign(text);
        return;
      case Member::lost:
        has_lost = bad = true;
        return;
      case Member::version:
        has_version = true;
        version = kind == JsonKind::number ? integer(text) : std::nullopt;
        return;
      case Member::created:
        created.assign(text);
        return;
      case Member::source:
        source.assign(text);
        return;
    }
  }
  void lost(JsonKind kind, std::string_view text) {
    if (lost_member_ == "from" && kind == JsonKind::number) lost_from = timestamp(text);
    if (lost_member_ == "reason" && kind == JsonKind::string) lost_reason.assign(text);
    if (lost_member_ == "events" && kind == JsonKind::number)
      lost_events = static_cast<std::uint64_t>(std::max<std::int64_t>(integer(text).value_or(0), 0));
  }

  Member member_ = Member::none;
  std::string lost_member_;
};

// Of a line that an encoder wrote: all between `"payload":` and the closing bracket, blanks included. The name cannot
// stand inside the channel before it, whose quotes would be escaped.
std::optional<std::string_view> last_member(std::string_view line, const LineReader& seen) {
  constexpr std::string_view kName = R"(,"payload":)";
  const auto at = line.find(kName);
  if (seen.members != 3 || seen.payload_number != 3 || at == std::string_view::npos || line.back() != '}')
    return std::nullopt;
  return line.substr(at + kName.size(), line.size() - 1 - at - kName.size());
}

// Of any other line; a scalar is made anew.
std::string_view payload_of(std::string_view line, const LineReader& seen, std::string& scalar) {
  if (seen.payload_kind == JsonKind::object || seen.payload_kind == JsonKind::array)
    return line.substr(seen.payload_begin, seen.payload_end - seen.payload_begin);
  scalar.clear();
  if (seen.payload_kind == JsonKind::string) {
    append_json_string(scalar, seen.payload_text);
  } else {
    scalar = seen.payload_kind == JsonKind::null ? "null" : seen.payload_text;
  }
  return scalar;
}

}  // namespace

void RecordingEncoder::header(std::string& out, const RecordingHeader& header) const {
  out += "{\"";
  out += kVersionKey;
  out += "\":";
  out += std::to_string(header.version);
  out += ",\"created\":";
  append_json_string(out, header.created);
  if (!header.source.empty()) {
    out += ",\"source\":";
    append_json_string(out, header.source);
  }
  out += "}\n";
}

void RecordingEncoder::event(std::string& out, Timestamp time, std::string_view channel, std::string_view payload) {
  append_time(out, time);
  append_text(out, scanner_, "channel", channel);
  DepthVisitor seen;
  // The line is one level more.
  const bool verbatim = payload.find_first_of("\n\r") == std::string_view::npos &&
                        scanner_.scan(payload, seen) == JsonScan::ok && seen.deepest < limits::kMaxJsonDepth;
  if (verbatim) {
    out += ",\"payload\":";
    out += payload;
  } else {
    out += ",\"payload64\":\"";
    append_base64(out, payload);
    out += '"';
  }
  out += "}\n";
}

void RecordingEncoder::loss(std::string& out, const RecordedLoss& loss) const {
  append_time(out, loss.time);
  out += ",\"lost\":{\"from\":" + std::to_string(micros(loss.from)) + ",\"reason\":";
  append_json_string(out, loss.reason);
  if (loss.events > 0) out += ",\"events\":" + std::to_string(loss.events);
  out += "}}\n";
}

RecordingLine RecordingParser::parse(std::string_view line) {
  LineReader seen;
  switch (scanner_.scan(line, seen)) {
    case JsonScan::ok:
      break;
    case JsonScan::malformed:
      return RecordingFault{"is not valid JSON"};
    case JsonScan::too_deep:
      return RecordingFault{"is nested too deep"};
  }
  if (!seen.is_object) return RecordingFault{"is not an object"};
  if (seen.has_version) {
    if (!seen.version || *seen.version < 1) return RecordingFault{"has a version that is none"};
    return RecordingHeader{*seen.version, std::move(seen.created), std::move(seen.source)};
  }
  if (!seen.has_time && !seen.has_channel && !seen.has_lost) return RecordingFault{"is of a kind that is not known"};
  if (!seen.time) return RecordingFault{"has no time \"t\" in microseconds since 1970"};
  if (seen.has_lost) {
    if (seen.bad || !seen.lost_from) return RecordingFault{"says that something was lost, but not since when"};
    return RecordedLoss{*seen.time, *seen.lost_from, std::move(seen.lost_reason), seen.lost_events};
  }
  if (!seen.has_channel || seen.bad) return RecordingFault{"has no \"channel\""};
  if (seen.has_payload == seen.has_payload64) return RecordingFault{"needs either \"payload\" or \"payload64\""};
  channel_.clear();
  if (!seen.channel_is_base64) {
    channel_ = std::move(seen.channel);
  } else if (!decode_base64(channel_, seen.channel)) {
    return RecordingFault{"has a \"channel64\" that is no base64"};
  }
  if (seen.has_payload64) {
    payload_.clear();
    if (!decode_base64(payload_, seen.payload64)) return RecordingFault{"has a \"payload64\" that is no base64"};
    return RecordedEvent{*seen.time, channel_, payload_};
  }
  const auto verbatim = last_member(line, seen);
  return RecordedEvent{*seen.time, channel_, verbatim ? *verbatim : payload_of(line, seen, payload_)};
}

}  // namespace pulsegate::proto
