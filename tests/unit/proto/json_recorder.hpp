// What a JsonScanner tells its visitor, as one line of text.
#pragma once

#include <string>
#include <string_view>

#include "proto/json_scan.hpp"

namespace pulsegate::proto::test {

// Writes what it sees, one event after another.
class Recorder final : public JsonVisitor {
 public:
  std::string seen;

  void key(std::size_t depth, std::string_view name) override { note(depth, "k", name); }
  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    note(depth, std::string(1, "zbns"[static_cast<int>(kind)]), text);
  }
  void open(std::size_t depth, JsonKind kind, std::size_t begin) override {
    note(depth, kind == JsonKind::object ? "{" : "[", std::to_string(begin));
  }
  void close(std::size_t depth, JsonKind kind, std::size_t end) override {
    note(depth, kind == JsonKind::object ? "}" : "]", std::to_string(end));
  }

 private:
  void note(std::size_t depth, const std::string& what, std::string_view text) {
    seen.append(std::to_string(depth)).append(what).append(text).push_back(' ');
  }
};

}  // namespace pulsegate::proto::test
