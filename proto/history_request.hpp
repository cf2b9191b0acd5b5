// What a client may ask of history: the form of the `history` channel (`history` of a subscribe), and a range of the
// past (`history-query`). The words are read here, whether they came in JSON or in a URL; nothing is answered here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "proto/downsample.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

enum class HistoryMode : std::uint8_t {
  replace,  // the whole window each time
  append    // the window once, then only new points
};
// "replace", "append": the member `mode` of a subscribe and of a `history` message.
std::string_view name(HistoryMode mode) noexcept;
std::optional<HistoryMode> find_history_mode(std::string_view name) noexcept;

// What was left out is unset, so that the endpoint's own defaults apply. `points` alone means the newest samples, as
// many as that; `window` alone all that it spans, down-sampled where that is too much; both: the span in that many
// points.
struct HistoryOptions {
  std::optional<std::size_t> points;                // 1–limits::kMaxHistoryPoints
  std::optional<std::chrono::milliseconds> window;  // back from now; 1 s – limits::kMaxHistorySpan
  std::optional<HistoryMode> mode;
  std::optional<Downsample> downsample;
};

struct HistoryQuery {
  std::string id;                             // JSON text (string or number), to be echoed; empty: asked in a URL
  Timestamp from{};                           // inclusive
  Timestamp to{};                             // exclusive; not before `from`, at most limits::kMaxHistorySpan after
  std::size_t points = limits::kQueryPoints;  // 1–limits::kMaxHistoryPoints
  Downsample downsample = Downsample::lttb;
};

// One value as it was written.
struct RequestValue {
  enum class Kind : std::uint8_t {
    absent,  // left out, or null
    string,
    number,
    other  // of a type that no value here has, or longer than kMaxText
  };
  static constexpr std::size_t kMaxText = 64;  // bytes

  Kind kind = Kind::absent;
  std::string text;  // string: decoded; number: verbatim; else empty

  // From a URL, where types are not told apart: digits are a number, and nothing at all is absent.
  static RequestValue of_parameter(std::string_view text);
};

// ISO 8601 as parse_iso8601() reads it, or a number of milliseconds since 1970, before the year 10000.
std::optional<Timestamp> parse_request_time(const RequestValue& value) noexcept;

struct HistoryOptionsText {
  RequestValue points, window, mode, downsample;
};
struct HistoryQueryText {
  RequestValue from, to, points, downsample;
};

// Each yields a sentence for the developer of the client when a value is missing or wrong. `prefix` stands before the
// members' names in it.
//  points:     a whole number
//  window:     "500ms", "90s", "15m", "2h", "7d": whole numbers with a unit; or a number of seconds
//  from, to:   ISO 8601 as parse_iso8601() reads it, or a number of milliseconds since 1970
std::variant<HistoryOptions, std::string> parse_history_options(const HistoryOptionsText& text,
                                                                std::string_view prefix = "history.");
// `now` is what `to` is when it is left out. Leaves the id to the caller.
std::variant<HistoryQuery, std::string> parse_history_query(const HistoryQueryText& text, Timestamp now);

}  // namespace pulsegate::proto
