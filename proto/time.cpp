// ISO 8601 in UTC, read and written without locale and without allocation.
#include "proto/time.hpp"

#include <date/date.h>

#include <algorithm>

namespace pulsegate::proto {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Reads a fixed layout from the front; once something did not fit, everything after fails too.
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept : text_(text) {}

  bool literal(char c) noexcept {
    if (failed_ || text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) noexcept { failed_ = !literal(c); }

  int digits(std::size_t count) noexcept {
    if (text_.size() < count) failed_ = true;
    int value = 0;
    for (std::size_t i = 0; i < count && !failed_; ++i) {
      failed_ = !is_digit(text_[i]);
      value = value * 10 + (text_[i] - '0');
    }
    if (!failed_) text_.remove_prefix(count);
    return value;
  }

  // One to nine digits, cut to microseconds.
  microseconds fraction() noexcept {
    std::size_t count = 0;
    int value = 0;
    for (; count < text_.size() && is_digit(text_[count]); ++count)
      if (count < 6) value = value * 10 + (text_[count] - '0');
    if (count == 0 || count > 9) failed_ = true;
    for (std::size_t i = count; i < 6; ++i) value *= 10;
    if (!failed_) text_.remove_prefix(count);
    return microseconds(value);
  }

  bool at_end() const noexcept { return !failed_ && text_.empty(); }

 private:
  std::string_view text_;
  bool failed_ = false;
};

void put(char* out, std::size_t width, unsigned value) noexcept {
  for (std::size_t i = width; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<Timestamp> parse_iso8601(std::string_view text) noexcept {
  Cursor in(text);
  const int year = in.digits(4);
  in.expect('-');
  const int month = in.digits(2);
  in.expect('-');
  const int day = in.digits(2);
  if (!in.literal(' ')) in.expect('T');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  const microseconds fraction = in.literal('.') ? in.fraction() : microseconds(0);

  minutes offset(0);
  const bool east = in.literal('+');
  if (east || in.literal('-')) {
    const int offset_hour = in.digits(2);
    in.expect(':');
    const int offset_minute = in.digits(2);
    if (offset_hour > 23 || offset_minute > 59) return std::nullopt;
    offset = (east ? 1 : -1) * (hours(offset_hour) + minutes(offset_minute));
  } else {
    in.expect('Z');
  }
  if (!in.at_end()) return std::nullopt;

  const date::year_month_day ymd(date::year(year), date::month(static_cast<unsigned>(month)),
                                 date::day(static_cast<unsigned>(day)));
  if (year < 1970 || !ymd.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const Timestamp time = date::sys_days(ymd) + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
  // An offset may carry the instant out of the years that can be printed again.
  if (time < Timestamp{} || time >= date::sys_days(date::year(10000) / 1 / 1)) return std::nullopt;
  return time;
}

void append_iso8601(std::string& out, Timestamp time) {
  // The form has four digits for the year; nothing outside of them may widen or break it.
  static const Timestamp kFirst = date::sys_days(date::year(0) / 1 / 1);
  static const Timestamp kLast = date::sys_days(date::year(10000) / 1 / 1) - microseconds(1);
  time = std::clamp(time, kFirst, kLast);
  const auto day = date::floor<date::days>(time);
  const date::year_month_day ymd(day);
  const auto of_day = static_cast<unsigned>(date::floor<std::chrono::milliseconds>(time - day).count());

  char buffer[] = "0000-00-00T00:00:00.000Z";
  put(buffer, 4, static_cast<unsigned>(static_cast<int>(ymd.year())));
  put(buffer + 5, 2, static_cast<unsigned>(ymd.month()));
  put(buffer + 8, 2, static_cast<unsigned>(ymd.day()));
  put(buffer + 11, 2, of_day / 3600000);
  put(buffer + 14, 2, of_day / 60000 % 60);
  put(buffer + 17, 2, of_day / 1000 % 60);
  put(buffer + 20, 3, of_day % 1000);
  out.append(buffer, sizeof buffer - 1);
}

}  // namespace pulsegate::proto
