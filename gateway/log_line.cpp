// Two formats of one line. Strings are escaped here and not by proto's JSON writer, which requires valid UTF-8: what is
// logged may come from a peer as it was.
#include "gateway/log_line.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace pulsegate::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};

// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629), 0 when there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // no surrogates
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void append_unicode_escape(std::string& out, unsigned code) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[(code >> 4) & 0xF];
  out += kHex[code & 0xF];
}

void append_ascii(std::string& out, char c) {
  const auto code = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\')
    (out += '\\') += c;
  else if (c == '\n')
    out += "\\n";
  else if (c == '\r')
    out += "\\r";
  else if (c == '\t')
    out += "\\t";
  else if (code < 0x20 || code == 0x7F)
    append_unicode_escape(out, code);
  else
    out += c;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

bool plain(std::string_view text) noexcept {
  if (text.empty() || text.size() > kMaxValueBytes) return false;
  for (const char c : text)
    if (static_cast<signed char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) return false;
  return true;  // above, bytes of non-ASCII characters are negative
}

template <typename Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

void append_value(std::string& out, const Value& value, Format format) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          if (format == Format::text && plain(v))
            out += v;
          else
            append_quoted(out, v);
        } else if constexpr (std::is_same_v<T, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, double>) {
          if (format == Format::json && !std::isfinite(v))
            out += "null";
          else
            append_number(out, v);
        } else {
          append_number(out, v);
        }
      },
      value.get());
}

void append_field(std::string& out, std::string_view key, const Value& value, Format format) {
  if (format == Format::json) {
    out += ',';
    append_quoted(out, key);
    out += ':';
  } else {
    out += ' ';
    out += key;
    out += '=';
  }
  append_value(out, value, format);
}

}  // namespace

std::string_view name(Level level) noexcept {
  return kLevels[static_cast<std::size_t>(level)];
}

std::optional<Level> find_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kLevels.size(); ++i)
    if (kLevels[i] == text) return static_cast<Level>(i);
  return std::nullopt;
}

std::optional<Format> find_format(std::string_view text) noexcept {
  if (text == "text") return Format::text;
  if (text == "json") return Format::json;
  return std::nullopt;
}

void append_escaped(std::string& out, std::string_view text, std::size_t max_bytes) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text.substr(i));
    if (i + (length == 0 ? 1 : length) > max_bytes) {
      out += "\xE2\x80\xA6";  // an ellipsis says that there was more
      return;
    }
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    const auto second = static_cast<unsigned char>(length == 2 ? text[i + 1] : 0);
    if (length == 1)
      append_ascii(out, text[i]);
    else if (length == 2 && text[i] == '\xC2' && second < 0xA0)
      append_unicode_escape(out, second);  // C1 controls
    else
      out.append(text, i, length);
    i += length;
  }
}

void append_line(std::string& out, Format format, proto::Timestamp time, Level level, std::string_view event,
                 Fields fields, std::uint64_t suppressed) {
  if (format == Format::json) {
    out += "{\"ts\":\"";
    proto::append_iso8601(out, time);
    out += "\",\"level\":\"";
    out += name(level);
    out += "\",\"event\":";
    append_quoted(out, event);
  } else {
    proto::append_iso8601(out, time);
    out += ' ';
    out += name(level);
    out.append(6 - name(level).size(), ' ');  // events stand in one column
    out += event;
  }
  for (const Field& field : fields) append_field(out, field.key, field.value, format);
  if (suppressed > 0) append_field(out, "suppressed", suppressed, format);
  if (format == Format::json) out += '}';
}

}  // namespace pulsegate::log
