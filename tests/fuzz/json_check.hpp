// Whether a text is one JSON value, by the reader that guards everything else: what we write must be readable to it.
#pragma once

#include <string>
#include <string_view>

#include "proto/json_scan.hpp"

namespace pulsegate::fuzz {

inline bool is_json(std::string_view text) {
  struct Ignore final : proto::JsonVisitor {
    void key(std::size_t, std::string_view) override {}
    void scalar(std::size_t, proto::JsonKind, std::string_view) override {}
    void open(std::size_t, proto::JsonKind, std::size_t) override {}
    void close(std::size_t, proto::JsonKind, std::size_t) override {}
  } ignore;
  static proto::JsonScanner scanner;
  return scanner.scan(text, ignore) == proto::JsonScan::ok;
}

}  // namespace pulsegate::fuzz
