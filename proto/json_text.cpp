// JSON scalars as text: strings with their escapes, numbers as JavaScript prints them.
#include <charconv>
#include <cmath>

#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

constexpr double kExactInteger = 9007199254740992.0;  // 2^53: below it every integer is exact

// Lays out the shortest digits of a double by the rules of ECMAScript's Number::toString. std::to_chars alone would
// print 1e+05 for 100000 and every digit of the binary value for 123456789012345680000.
void append_shortest(std::string& out, double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t mark = text.find('e');
  std::string digits(1, text[0]);
  if (mark > 2) digits.append(text.substr(2, mark - 2));
  int exponent = 0;
  const std::size_t sign = mark + 1;
  std::from_chars(buffer + (text[sign] == '+' ? sign + 1 : sign), end, exponent);

  const int point = exponent + 1;  // where the decimal point stands, counted in digits
  const int count = static_cast<int>(digits.size());
  if (point > 21 || point <= -6) {
    out.push_back(digits[0]);
    if (count > 1) out.append(1, '.').append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  } else if (point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else if (count <= point) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else {
    out.append(digits, 0, static_cast<std::size_t>(point))
        .append(1, '.')
        .append(digits, static_cast<std::size_t>(point));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, written, i - written);
    written = i + 1;
    out.push_back('\\');
    switch (byte) {
      case '"':
      case '\\':
        out.push_back(static_cast<char>(byte));
        break;
      case '\b':
        out.push_back('b');
        break;
      case '\f':
        out.push_back('f');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\r':
        out.push_back('r');
        break;
      case '\t':
        out.push_back('t');
        break;
      default:
        out.append("u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  out.append(text, written, std::string_view::npos);
  out.push_back('"');
}

void append_json_number(std::string& out, double value) {
  // Every caller passes finite numbers; JSON has no other, so the impossible case must still not break the message.
  if (!std::isfinite(value)) value = 0;
  if (std::fabs(value) < kExactInteger && value == std::trunc(value)) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<long long>(value)).ptr;
    out.append(buffer, end);
    return;
  }
  if (value < 0) out.push_back('-');
  append_shortest(out, std::fabs(value));
}

}  // namespace pulsegate::proto
