// Reads one JSON text from an untrusted source as a sequence of events. Private to proto/: the one place that knows the
// JSON library, so that its guards (iterative, depth cap, checked UTF-8, whole text consumed, numbers as text) hold
// everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace pulsegate::proto {

enum class JsonKind : std::uint8_t { null, boolean, number, string, object, array };

// `depth` is how many objects and arrays stand open around the key or value: 0 for the top-level value, 1 for its keys.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;

  // A member's name, decoded. Valid during the call.
  virtual void key(std::size_t depth, std::string_view name) = 0;
  // string: decoded; number and boolean: verbatim; null: empty. Valid during the call.
  virtual void scalar(std::size_t depth, JsonKind kind, std::string_view text) = 0;
  // An object or array; `begin` is the offset of its bracket, `end` the offset after the closing one.
  virtual void open(std::size_t depth, JsonKind kind, std::size_t begin) = 0;
  virtual void close(std::size_t depth, JsonKind kind, std::size_t end) = 0;
};

enum class JsonScan : std::uint8_t { ok, malformed, too_deep };

// Holds a copy of the text and the library's stack, both reused: a scan allocates only when a text needs more than all
// before.
// Thread: one at a time.
class JsonScanner {
 public:
  JsonScanner();
  ~JsonScanner();

  // Requires: the caller checked the size. What the visitor saw counts only when the result is `ok`.
  JsonScan scan(std::string_view text, JsonVisitor& visitor);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace pulsegate::proto
