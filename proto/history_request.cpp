// Reads and bounds the values of requests for history.
#include "proto/history_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "proto/metric_values.hpp"

namespace pulsegate::proto {
namespace {

using Kind = RequestValue::Kind;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 2> kModes = {"replace", "append"};

constexpr milliseconds kMinWindow{1'000};
constexpr double kTimeEnd = 253'402'300'800'000.0;  // milliseconds; the year 10000

struct Unit {
  std::string_view suffix;
  std::int64_t millis;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr std::size_t kMaxDigits = 10;  // of a duration; with the largest unit still far below the range of 64 bits

std::optional<std::size_t> read_points(const RequestValue& value) noexcept {
  if (value.kind != Kind::number) return std::nullopt;
  const double points = parse_number(value.text).value_or(0);
  if (points < 1 || points > static_cast<double>(limits::kMaxHistoryPoints) || points != std::floor(points))
    return std::nullopt;
  return static_cast<std::size_t>(points);
}

std::optional<milliseconds> read_duration(std::string_view text) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kMaxDigits) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + digits, count);
  for (const Unit& unit : kUnits)
    if (text.substr(digits) == unit.suffix) return milliseconds(count * unit.millis);
  return std::nullopt;
}

std::optional<milliseconds> read_window(const RequestValue& value) noexcept {
  std::optional<milliseconds> window;
  if (value.kind == Kind::string) window = read_duration(value.text);
  if (value.kind == Kind::number) {
    // Compared before the conversion, which is undefined for a number that does not fit.
    const double millis = parse_number(value.text).value_or(0) * 1'000;
    if (millis <= static_cast<double>(milliseconds(limits::kMaxHistorySpan).count()))
      window = milliseconds(static_cast<std::int64_t>(std::max(millis, 0.0)));
  }
  if (!window || *window < kMinWindow || *window > limits::kMaxHistorySpan) return std::nullopt;
  return window;
}

std::optional<Downsample> read_downsample(const RequestValue& value) noexcept {
  return value.kind == Kind::string ? find_downsample(value.text) : std::nullopt;
}

std::optional<HistoryMode> read_mode(const RequestValue& value) noexcept {
  return value.kind == Kind::string ? find_history_mode(value.text) : std::nullopt;
}

// Reads members one after another until the first that is wrong, and keeps the sentence about that one.
class Members {
 public:
  explicit Members(std::string_view prefix = {}) noexcept : prefix_(prefix) {}

  // `wanted` keeps what it is when the value is absent.
  template <typename Wanted, typename Read>
  void read(Wanted& wanted, const RequestValue& value, Read reader, std::string_view member, std::string_view must_be) {
    if (!error_.empty() || value.kind == Kind::absent) return;
    if (const auto found = reader(value)) {
      wanted = *found;
    } else {
      error_.append(1, '"').append(prefix_).append(member).append("\" must be ").append(must_be).append(1, '.');
    }
  }
  // What both requests have.
  template <typename Text, typename Request>
  void read_points_and_form(const Text& text, Request& request) {
    read(request.points, text.points, read_points, "points",
         "a whole number from 1 to " + std::to_string(limits::kMaxHistoryPoints));
    read(request.downsample, text.downsample, read_downsample, "downsample", R"("lttb", "minmax" or "mean")");
  }
  void fail(std::string_view sentence) {
    if (error_.empty()) error_ = sentence;
  }

  template <typename Result>
  std::variant<Result, std::string> finish(Result result) {
    if (!error_.empty()) return std::move(error_);
    return result;
  }

 private:
  const std::string_view prefix_;
  std::string error_;
};

}  // namespace

std::string_view name(HistoryMode mode) noexcept {
  return kModes[static_cast<std::size_t>(mode)];
}

std::optional<Timestamp> parse_request_time(const RequestValue& value) noexcept {
  if (value.kind == Kind::string) return parse_iso8601(value.text);
  if (value.kind != Kind::number) return std::nullopt;
  const double millis = parse_number(value.text).value_or(-1);
  if (millis < 0 || millis >= kTimeEnd) return std::nullopt;
  return Timestamp(std::chrono::microseconds(std::llround(millis * 1'000)));
}

std::optional<HistoryMode> find_history_mode(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kModes.size(); ++i)
    if (kModes[i] == name) return static_cast<HistoryMode>(i);
  return std::nullopt;
}

RequestValue RequestValue::of_parameter(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > kMaxText) return {Kind::other, {}};
  const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  return {digits ? Kind::number : Kind::string, std::string(text)};
}

std::variant<HistoryOptions, std::string> parse_history_options(const HistoryOptionsText& text,
                                                                std::string_view prefix) {
  HistoryOptions options;
  Members members(prefix);
  members.read_points_and_form(text, options);
  members.read(options.window, text.window, read_window, "window",
               R"(a duration from 1s to 3653d such as "15m", "2h" or "7d", or a number of seconds)");
  members.read(options.mode, text.mode, read_mode, "mode", R"("replace" or "append")");
  return members.finish(options);
}

std::variant<HistoryQuery, std::string> parse_history_query(const HistoryQueryText& text, Timestamp now) {
  static constexpr std::string_view kTime =
      "an ISO 8601 time such as \"2026-11-22T14:05:00Z\", or a number of milliseconds since 1970";
  HistoryQuery query;
  Members members;
  query.to = now;
  members.read(query.from, text.from, parse_request_time, "from", kTime);
  if (text.from.kind == Kind::absent)
    members.fail("A history-query needs \"from\", which is " + std::string(kTime) + ".");
  members.read(query.to, text.to, parse_request_time, "to", kTime);
  if (query.from > query.to) members.fail("\"from\" must not be after \"to\", which is now when it is left out.");
  if (query.to - query.from > limits::kMaxHistorySpan) members.fail("\"from\" and \"to\" must lie within 10 years.");
  members.read_points_and_form(text, query);
  return members.finish(std::move(query));
}

}  // namespace pulsegate::proto
