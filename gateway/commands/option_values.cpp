// Strict readers: a value that is almost right is refused at start rather than half understood at night.
#include "gateway/commands/option_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace pulsegate::commands {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};
// Largest first, so that the first exact one is shown; "ms" before "m" and "s" does not matter, suffixes are compared
// whole.
constexpr std::array<Unit, 4> kDurations = {{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 3> kSizes = {{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}}};

// Digits, then the rest; no sign.
std::optional<std::pair<std::uint64_t, std::string_view>> split_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return std::make_pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

std::optional<std::uint64_t> scaled(std::uint64_t number, std::uint64_t factor) noexcept {
  if (number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return number * factor;
}

}  // namespace

std::optional<Millis> read_duration(std::string_view text) noexcept {
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  if (split->second.empty() && split->first == 0) return Millis(0);
  for (const Unit& unit : kDurations) {
    if (split->second != unit.suffix) continue;
    if (const auto millis = scaled(split->first, unit.factor)) return Millis(static_cast<std::int64_t>(*millis));
  }
  return std::nullopt;
}

std::string show_duration(Millis value) {
  const auto millis = static_cast<std::uint64_t>(value.count());
  if (millis == 0) return "0";
  for (const Unit& unit : kDurations)
    if (millis % unit.factor == 0) return std::to_string(millis / unit.factor) + std::string(unit.suffix);
  return {};  // unreachable: one millisecond divides everything
}

std::optional<std::size_t> read_size(std::string_view text) noexcept {
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  if (split->second.empty()) return split->first;
  for (const Unit& unit : kSizes)
    if (split->second == unit.suffix) return scaled(split->first, unit.factor);
  return std::nullopt;
}

std::string show_size(std::size_t bytes) {
  for (const Unit& unit : kSizes)
    if (bytes != 0 && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.suffix);
  return std::to_string(bytes);
}

std::optional<std::uint64_t> read_count(std::string_view text) noexcept {
  const auto split = split_number(text);
  if (!split || !split->second.empty()) return std::nullopt;
  return split->first;
}

std::optional<double> read_real(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string show_real(double value) {
  std::array<char, 400> buffer;  // the largest double has 309 digits
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
  return std::string(buffer.data(), end);
}

std::optional<Address> read_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = read_count(text.substr(colon + 1));
  if (!port || *port > 65'535) return std::nullopt;

  if (host.empty()) {
    host = "0.0.0.0";
  } else if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // IPv6 without brackets: which colon starts the port?
  }
  if (host.find_first_of(" \t/@[]") != std::string_view::npos) return std::nullopt;
  return Address{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string show_address(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace pulsegate::commands
