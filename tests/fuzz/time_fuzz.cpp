// Times, cursors and the words of history, as clients and URLs bring them.
#include <string>
#include <variant>

#include "proto/cursor.hpp"
#include "proto/device_id.hpp"
#include "proto/history_request.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr proto::Timestamp kNow{std::chrono::seconds(1'800'000'000)};

void check_time(std::string_view text) {
  const auto time = proto::parse_iso8601(text);
  if (!time) return;
  std::string shown;
  proto::append_iso8601(shown, *time);
  must_hold(shown.size() == 24, "a time has 24 characters");
  must_hold(proto::parse_iso8601(shown) == proto::Timestamp(std::chrono::floor<std::chrono::milliseconds>(*time)),
            "a time reads back to the millisecond");
  must_hold(!proto::parse_cursor(text), "a time is no cursor");
  static const proto::ClockFormat berlin("Europe/Berlin");
  std::string clock;
  berlin.append(clock, *time);
  must_hold(clock.size() == 8, "a clock time has 8 characters");
}

void check_cursor(std::string_view text) {
  const auto cursor = proto::parse_cursor(text);
  if (!cursor) return;
  std::string shown;
  proto::append_cursor(shown, *cursor);
  must_hold(shown == text, "a cursor has one text");
  must_hold(!proto::parse_iso8601(text), "a cursor is no time");
}

void check_query(std::string_view text) {
  // Three values, separated by commas.
  proto::HistoryQueryText query;
  proto::RequestValue* const values[] = {&query.from, &query.to, &query.points};
  for (proto::RequestValue* value : values) {
    const std::size_t comma = std::min(text.find(','), text.size());
    *value = proto::RequestValue::of_parameter(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  query.downsample = proto::RequestValue::of_parameter(text);
  const auto parsed = proto::parse_history_query(query, kNow);
  if (const auto* refusal = std::get_if<std::string>(&parsed)) {
    must_hold(!refusal->empty() && refusal->size() <= 512, "a refusal says why, within bounds");
    return;
  }
  const auto& range = std::get<proto::HistoryQuery>(parsed);
  must_hold(range.from <= range.to && range.to - range.from <= proto::limits::kMaxHistorySpan, "a range is bounded");
  must_hold(range.points >= 1 && range.points <= proto::limits::kMaxHistoryPoints, "points are bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_time(text);
  check_cursor(text);
  check_query(text);
  if (const auto id = proto::DeviceId::parse(text))
    must_hold(proto::DeviceId::parse(id->text()) == id, "a device's id reads back");
  if (const auto since = proto::parse_since(text))
    must_hold(proto::time_of(*since) >= proto::Timestamp{}, "a time is not before 1970");
  return 0;
}
