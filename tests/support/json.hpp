// JSON in tests: a read-only value with short access paths and readable failures.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::test {

// A value inside a parsed text, which it keeps alive. Every accessor throws std::runtime_error with the value's text
// when the value is of another kind: message.at("data").at("cpu").at(0).at("value").number(). Thread: any; immutable.
class Json {
 public:
  static Json parse(std::string_view text);

  // The top-level member "type" of a message; empty when there is none.
  std::string type() const;
  bool has(std::string_view key) const;
  Json at(std::string_view key) const;
  Json at(std::size_t index) const;
  std::size_t size() const;               // members of an object, elements of an array
  std::vector<std::string> keys() const;  // of an object, in the order of the text

  bool is_null() const { return value_->IsNull(); }
  bool is_object() const { return value_->IsObject(); }
  bool is_array() const { return value_->IsArray(); }
  bool is_string() const { return value_->IsString(); }
  bool is_number() const { return value_->IsNumber(); }
  std::string string() const;
  double number() const;
  std::int64_t integer() const;
  bool boolean() const;

  // As compact JSON; numbers may be written differently from the original text.
  std::string text() const;

  // Structural: the order of members does not count.
  friend bool operator==(const Json& a, const Json& b) { return *a.value_ == *b.value_; }
  friend bool operator!=(const Json& a, const Json& b) { return !(a == b); }
  friend std::ostream& operator<<(std::ostream& out, const Json& json);

 private:
  Json(std::shared_ptr<const rapidjson::Document> document, const rapidjson::Value* value)
      : document_(std::move(document)), value_(value) {}
  [[noreturn]] void fail(const std::string& wanted) const;

  std::shared_ptr<const rapidjson::Document> document_;
  const rapidjson::Value* value_;
};

}  // namespace pulsegate::test
