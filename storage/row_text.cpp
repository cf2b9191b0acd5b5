// Everything goes through the one JSON scanner of proto/, which checks syntax, depth and UTF-8.
#include "storage/row_text.hpp"

#include <utility>

#include "proto/message.hpp"
#include "proto/metric_values.hpp"

namespace pulsegate::storage {
namespace {

// Remembers of what kind the whole text is, and which metrics are keys of the outermost object.
class Outline final : public proto::JsonVisitor {
 public:
  void key(std::size_t depth, std::string_view name) override {
    if (depth != 1) return;
    if (const auto metric = proto::find_metric(name))
      mask = static_cast<std::uint8_t>(mask | 1u << static_cast<unsigned>(*metric));
  }
  void scalar(std::size_t depth, proto::JsonKind found, std::string_view) override {
    if (depth == 0) kind = found;
  }
  void open(std::size_t depth, proto::JsonKind found, std::size_t) override {
    if (depth == 0) kind = found;
  }
  void close(std::size_t, proto::JsonKind, std::size_t) override {}

  proto::JsonKind kind = proto::JsonKind::null;
  std::uint8_t mask = 0;
};

// The guide's server asks `if (row.top_processes)`, and JavaScript takes null, false, zero and "" for "not there".
bool truthy(proto::JsonKind kind, std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::string_view value = text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  switch (kind) {
    case proto::JsonKind::null:
      return false;
    case proto::JsonKind::boolean:
      return value != "false";
    case proto::JsonKind::string:
      return value != "\"\"";
    case proto::JsonKind::number:
      return proto::parse_number(value).value_or(0) != 0;
    case proto::JsonKind::object:
    case proto::JsonKind::array:
      break;
  }
  return true;
}

}  // namespace

std::string RowText::json_value(std::string&& text) {
  Outline outline;
  const bool usable = text.size() <= kMaxJsonColumn && scanner_.scan(text, outline) == proto::JsonScan::ok;
  return usable && truthy(outline.kind, text) ? std::move(text) : std::string();
}

std::string RowText::json_scalar(std::string&& text) {
  if (text.size() > kMaxJsonColumn) return {};
  Outline outline;
  if (scanner_.scan(text, outline) == proto::JsonScan::ok) {
    switch (outline.kind) {
      case proto::JsonKind::number:
      case proto::JsonKind::string:
      case proto::JsonKind::boolean:
        return std::move(text);
      case proto::JsonKind::null:
      case proto::JsonKind::object:
      case proto::JsonKind::array:
        return {};
    }
  }
  std::string quoted;
  proto::append_json_string(quoted, text);
  // Only now is it known whether the text was UTF-8.
  return scanner_.scan(quoted, outline) == proto::JsonScan::ok ? quoted : std::string();
}

std::string RowText::json_object(std::string&& object, std::uint8_t& mask) {
  Outline outline;
  const bool usable = object.size() <= kMaxJsonColumn && scanner_.scan(object, outline) == proto::JsonScan::ok;
  if (!usable || outline.kind != proto::JsonKind::object) return {};
  mask = outline.mask;
  return std::move(object);
}

}  // namespace pulsegate::storage
