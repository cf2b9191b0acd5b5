// RapidJSON behind the guards that untrusted text needs. The recursive parser, its conversion of numbers and its DOM
// are never used: the first overflows the stack on deep nesting, the second reads out of bounds on crafted exponents.
#include "proto/json_scan.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstring>
#include <limits>

#include "proto/limits.hpp"

namespace pulsegate::proto {
namespace {

constexpr unsigned kFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;

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
  Adapter(JsonVisitor& visitor, const rapidjson::MemoryStream& stream) : visitor_(visitor), stream_(stream) {}

  bool Null() { return scalar(JsonKind::null, {}); }
  bool Bool(bool) { return scalar(JsonKind::boolean, {}); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return scalar(JsonKind::number, {text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view decoded(text, size);
    return !holds_surrogate(decoded) && scalar(JsonKind::string, decoded);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view decoded(text, size);
    if (holds_surrogate(decoded)) return false;
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
  const rapidjson::MemoryStream& stream_;
  std::size_t depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace

struct JsonScanner::Library {
  rapidjson::Reader reader;
};

JsonScanner::JsonScanner() : library_(std::make_unique<Library>()) {}
JsonScanner::~JsonScanner() = default;

JsonScan JsonScanner::scan(std::string_view text, JsonVisitor& visitor) {
  // The library counts bytes in 32 bits.
  if (text.empty() || text.size() > std::numeric_limits<rapidjson::SizeType>::max() / 2) return JsonScan::malformed;
  rapidjson::MemoryStream stream(text.data(), text.size());
  Adapter adapter(visitor, stream);
  const bool parsed = !library_->reader.Parse<kFlags>(stream, adapter).IsError();
  if (adapter.too_deep()) return JsonScan::too_deep;
  // The parser takes a NUL byte for the end of the text: what stands behind one must not pass unread.
  return parsed && stream.Tell() == text.size() ? JsonScan::ok : JsonScan::malformed;
}

}  // namespace pulsegate::proto
