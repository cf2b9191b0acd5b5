// Turns the texts that rows arrive as into what the contract promises: valid JSON in UTF-8, or nothing.
// A database need not keep that promise (a text column, encoding SQL_ASCII, an operator's own statement).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json_scan.hpp"

namespace pulsegate::storage {

// Longer texts are treated as unusable: nothing sensible in one row is larger, and each is held per device.
inline constexpr std::size_t kMaxJsonColumn = 256 * 1024;  // bytes

// Thread: one at a time (holds a reusable scanner).
class RowText {
 public:
  // `text` when it is valid JSON that JavaScript takes for true, else empty: null, false, 0 and "" are "not there".
  std::string json_value(std::string&& text);
  // A number, string or boolean stands as it is; any other text becomes a JSON string. null, arrays, objects and text
  // that is not UTF-8: empty.
  std::string json_scalar(std::string&& text);
  // `object` when it is a valid JSON object, else empty. `mask`: the metrics that are among its keys, whatever their
  // value.
  std::string json_object(std::string&& object, std::uint8_t& mask);

 private:
  proto::JsonScanner scanner_;
};

}  // namespace pulsegate::storage
