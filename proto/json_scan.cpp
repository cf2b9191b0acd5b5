// RapidJSON behind the guards that untrusted text needs. The recursive parser, its conversion of numbers and its DOM
// are never used: the first overflows the stack on deep nesting, the second reads out of bounds on crafted exponents.
#include "proto/json_scan.hpp"

#include <rapidjson/reader.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "proto/limits.hpp"

namespace pulsegate::proto {
namespace {

// In place, in a copy of the text: nothing is pushed byte by byte onto the library's stack.
constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseInsituFlag |
                            rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;

using Stream = rapidjson::InsituStringStream;

// The stream knows no end but a NUL byte, and the library reads three bytes behind a lead byte before it looks at them.
constexpr std::size_t kPadding = 4;

// Bytes that stand for themselves in a JSON string: ASCII but control characters, quote and backslash.
constexpr std::array<bool, 256> plain_bytes() {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = plain_bytes();

// The library asks its encoding to check and copy one character at a time. This one takes a whole run when it is plain,
// which more than halves the time of a parse, and leaves every other character to the library's own check.
struct Utf8InRuns : rapidjson::UTF8<> {
  using rapidjson::UTF8<>::Validate;
  // Both are the same stream: it reads at src_ and writes at dst_, which falls behind once an escape was decoded.
  static bool Validate(Stream& in, Stream& out) {
    const char* end = in.src_;
    while (kPlain[static_cast<unsigned char>(*end)]) ++end;
    if (end == in.src_) return rapidjson::UTF8<>::Validate(in, out);
    const auto size = static_cast<std::size_t>(end - in.src_);
    if (out.dst_ != in.src_) std::memmove(out.dst_, in.src_, size);
    in.src_ += size;
    out.dst_ += size;
    return true;
  }
};

enum class Escape : std::uint8_t { other, high_surrogate, low_surrogate };

// What stands at `at`, where there is a backslash or anything else.
Escape escape_at(std::string_view text, std::size_t at) noexcept {
  // \uD800 to \uDBFF, \uDC00 to \uDFFF
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return Escape::other;
  unsigned unit = 0;
  const char* const digits = text.data() + at + 2;
  if (std::from_chars(digits, digits + 4, unit, 16).ptr != digits + 4) return Escape::other;
  if (unit < 0xD800 || unit > 0xDFFF) return Escape::other;
  return unit < 0xDC00 ? Escape::high_surrogate : Escape::low_surrogate;
}

// Half a character as an escape is legal JSON (RFC 8259, section 8.2): JavaScript writes it for a text that was cut
// within an emoji. No UTF-8 stands for it, and the library refuses it or decodes it wrongly. So in our copy it becomes
// U+FFFD, of the same length; whoever is sent a slice of the original gets what the publisher wrote.
void replace_lone_surrogates(std::string& text) noexcept {
  std::size_t at = text.find('\\');
  while (at != std::string::npos) {
    std::size_t size = 2;
    const Escape escape = escape_at(text, at);
    if (escape == Escape::high_surrogate && escape_at(text, at + 6) == Escape::low_surrogate) {
      size = 12;
    } else if (escape != Escape::other) {
      text.replace(at + 2, 4, "FFFD");
      size = 6;
    }
    at = text.find('\\', at + size);
  }
}

// Translates the library's callbacks; returning false stops the parse.
class Adapter {
 public:
  Adapter(JsonVisitor& visitor, Stream& stream) : visitor_(visitor), stream_(stream) {}

  bool Null() { return scalar(JsonKind::null, {}); }
  bool Bool(bool value) { return scalar(JsonKind::boolean, value ? "true" : "false"); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return scalar(JsonKind::number, {text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) { return scalar(JsonKind::string, {text, size}); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    visitor_.key(depth_, {text, size});
    return true;
  }
  bool StartObject() { return open(JsonKind::object); }
  bool EndObject(rapidjson::SizeType) { return close(JsonKind::object); }
  bool StartArray() { return open(JsonKind::array); }
  bool EndArray(rapidjson::SizeType) { return close(JsonKind::array); }

  // The library's concept of a handler wants these; with numbers as strings they are never called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  bool too_deep() const noexcept { return too_deep_; }

 private:
  bool scalar(JsonKind kind, std::string_view text) {
    visitor_.scalar(depth_, kind, text);
    return true;
  }
  // The iterative parser calls this before it consumes the bracket, so Tell() is the bracket's offset.
  bool open(JsonKind kind) {
    if (depth_ == limits::kMaxJsonDepth) {
      too_deep_ = true;
      return false;
    }
    visitor_.open(depth_++, kind, stream_.Tell());
    return true;
  }
  bool close(JsonKind kind) {
    visitor_.close(--depth_, kind, stream_.Tell() + 1);
    return true;
  }

  JsonVisitor& visitor_;
  Stream& stream_;
  std::size_t depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace

struct JsonScanner::Library {
  rapidjson::GenericReader<Utf8InRuns, Utf8InRuns> reader;
  std::string copy;  // of the text; its strings are decoded in place
};

JsonScanner::JsonScanner() : library_(std::make_unique<Library>()) {}
JsonScanner::~JsonScanner() = default;

JsonScan JsonScanner::scan(std::string_view text, JsonVisitor& visitor) {
  // The library counts bytes in 32 bits.
  if (text.empty() || text.size() > std::numeric_limits<rapidjson::SizeType>::max() / 2) return JsonScan::malformed;
  library_->copy.assign(text).append(kPadding, '\0');
  replace_lone_surrogates(library_->copy);
  Stream stream(library_->copy.data());
  Adapter adapter(visitor, stream);
  const bool parsed = !library_->reader.Parse<kFlags>(stream, adapter).IsError();
  if (adapter.too_deep()) return JsonScan::too_deep;
  // The parser takes a NUL byte for the end of the text: what stands behind one must not pass unread.
  return parsed && stream.Tell() == text.size() ? JsonScan::ok : JsonScan::malformed;
}

}  // namespace pulsegate::proto
