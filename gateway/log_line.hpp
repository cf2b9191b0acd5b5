// How one log line looks. Pure: no clock, no output, so that every byte of it can be tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "proto/time.hpp"

namespace pulsegate::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error };
enum class Format : std::uint8_t { text, json };

std::string_view name(Level level) noexcept;
std::optional<Level> find_level(std::string_view name) noexcept;
std::optional<Format> find_format(std::string_view name) noexcept;

// A field's value; holds strings as views. Thread: value.
class Value {
 public:
  template <typename T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  Value(T number) noexcept : value_(widen(number)) {}
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, std::string_view>, int> = 0>
  Value(const T& text) noexcept : value_(std::string_view(text)) {}

  using Variant = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
  const Variant& get() const noexcept { return value_; }

 private:
  template <typename T>
  static Variant widen(T number) noexcept {
    if constexpr (std::is_same_v<T, bool>)
      return number;
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<double>(number);
    else if constexpr (std::is_signed_v<T>)
      return static_cast<std::int64_t>(number);
    else
      return static_cast<std::uint64_t>(number);
  }

  Variant value_;
};

struct Field {
  std::string_view key;  // snake_case; not "ts", "level" or "event"
  Value value;
};
using Fields = std::initializer_list<Field>;

// Longer string values are cut, on a character boundary.
inline constexpr std::size_t kMaxValueBytes = 2048;

// Appends one line without its newline. text: `2026-11-22T14:05:00.123Z info  ws.open device=… note="two words"`;
// json: {"ts":…,"level":…,"event":…,"device":…}. Control characters are escaped in both, so that nobody can forge a
// line or drive a terminal; invalid UTF-8 becomes U+FFFD.
void append_line(std::string& out, Format format, proto::Timestamp time, Level level, std::string_view event,
                 Fields fields, std::uint64_t suppressed = 0);

// The string escaping alone, without quotes, for whatever else prints what a peer sent.
void append_escaped(std::string& out, std::string_view text, std::size_t max_bytes = kMaxValueBytes);

}  // namespace pulsegate::log
