// RapidJSON behind the guards that untrusted text needs. The recursive parser, its conversion of numbers and its DOM
// are never used: the first overflows the stack on deep nesting, the second reads out of bounds on crafted exponents.
#include "proto/json_scan.hpp"

#include <rapidjson/reader.h>

#include <array>
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

// The library rejects a lone high surrogate escape but decodes a lone low one ("\udc00") into bytes that are no UTF-8.
// Raw text is validated, so these bytes can come from nowhere else.
bool holds_surrogate(std::string_view decoded) noexcept {
  for (;;) {
    const auto* hit = static_cast<const char*>(std::memchr(decoded.data(), 0xED, decoded.size()));
    if (hit == nullptr) return false;
    decoded.remove_prefix(static_cast<std::size_t>(hit - decoded.data()) + 1);
    if (!decoded.empty() && static_cast<unsigned char>(decoded.front()) >= 0xA0) return true;
  }
}

// Translates the library's callbacks; returning false stops the parse.
class Adapter {
 public:
  Adapter(JsonVisitor& visitor, Stream& stream, bool has_escapes)
      : visitor_(visitor), stream_(stream), has_escapes_(has_escapes) {}

  bool Null() { return scalar(JsonKind::null, {}); }
  bool Bool(bool) { return scalar(JsonKind::boolean, {}); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return scalar(JsonKind::number, {text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view decoded(text, size);
    return !refused(decoded) && scalar(JsonKind::string, decoded);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view decoded(text, size);
    if (refused(decoded)) return false;
    visitor_.key(depth_, decoded);
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
  bool refused(std::string_view decoded) const noexcept { return has_escapes_ && holds_surrogate(decoded); }
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
  const bool has_escapes_;  // anywhere in the text
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
  Stream stream(library_->copy.data());
  Adapter adapter(visitor, stream, std::memchr(text.data(), '\\', text.size()) != nullptr);
  const bool parsed = !library_->reader.Parse<kFlags>(stream, adapter).IsError();
  if (adapter.too_deep()) return JsonScan::too_deep;
  // The parser takes a NUL byte for the end of the text: what stands behind one must not pass unread.
  return parsed && stream.Tell() == text.size() ? JsonScan::ok : JsonScan::malformed;
}

}  // namespace pulsegate::proto
