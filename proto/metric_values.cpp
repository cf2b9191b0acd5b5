// Numbers of a sample: reading them as JavaScript would, and telling whether an event and a row carry the same ones.
#include "proto/metric_values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace pulsegate::proto {
namespace {

constexpr std::array<std::string_view, kMetricCount> kNames = {"cpu_usage",    "cpu_temp",      "memory_usage",
                                                               "memory_total", "storage_usage", "storage_total",
                                                               "network_rx",   "network_tx"};

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct Number {
  double value;
  std::string_view text;  // the numeric prefix, without sign
};

std::optional<Number> read_number(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  // This also keeps "inf", "nan" and a second sign from std::from_chars.
  const std::size_t first = !text.empty() && text.front() == '.' ? 1 : 0;
  if (text.size() <= first || !is_digit(text[first])) return std::nullopt;

  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view read = text.substr(0, static_cast<std::size_t>(end - text.data()));
  if (error != std::errc{}) {
    // Too large is no number for us, too small is zero; the standard reports both alike.
    const std::size_t exponent = read.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos ? read[exponent + 1] == '-' : read[0] == '0' || first == 1;
    if (!tiny) return std::nullopt;
    value = 0;
  }
  if (!std::isfinite(value)) return std::nullopt;
  return Number{negative ? -value : value, read};
}

// How far a value may lie from one that was stored with `decimals` digits after the point. Powers of ten have no exact
// double, hence the relative slack on top of the half unit.
double tolerance(int decimals, double a, double b) noexcept {
  const double slack = std::numeric_limits<double>::epsilon() * std::max(std::fabs(a), std::fabs(b));
  return 0.5 * std::pow(10.0, -decimals) * (1 + 1e-9) + slack;
}

bool same_value(const MetricValue& a, const MetricValue& b) noexcept {
  if (a.present != b.present) return false;
  if (!a.present || a.value == b.value) return true;
  if (a.decimals < 0 && b.decimals < 0) return false;
  const std::int8_t decimals = a.decimals < 0   ? b.decimals
                               : b.decimals < 0 ? a.decimals
                                                : std::min(a.decimals, b.decimals);
  return std::fabs(a.value - b.value) <= tolerance(decimals, a.value, b.value);
}

}  // namespace

std::string_view metric_name(Metric metric) noexcept {
  return kNames[static_cast<std::size_t>(metric)];
}

std::optional<Metric> find_metric(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kMetricCount; ++i)
    if (kNames[i] == name) return static_cast<Metric>(i);
  return std::nullopt;
}

std::optional<double> parse_number(std::string_view text) noexcept {
  const auto number = read_number(text);
  return number ? std::optional<double>(number->value) : std::nullopt;
}

MetricValue parse_row_value(std::string_view text) noexcept {
  MetricValue result;
  const auto number = read_number(text);
  if (!number) return result;
  result.value = number->value;
  result.present = true;
  // An exponent means a floating point column, which keeps every digit.
  if (number->text.find_first_of("eE") != std::string_view::npos) return result;
  const std::size_t point = number->text.find('.');
  const std::size_t digits = point == std::string_view::npos ? 0 : number->text.size() - point - 1;
  result.decimals = static_cast<std::int8_t>(std::min<std::size_t>(digits, 100));
  return result;
}

bool same_values(const MetricValues& a, const MetricValues& b, std::uint8_t mask) noexcept {
  for (std::size_t i = 0; i < kMetricCount; ++i)
    if (((mask >> i) & 1u) != 0 && !same_value(a.items[i], b.items[i])) return false;
  return true;
}

}  // namespace pulsegate::proto
