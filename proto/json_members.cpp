// Collects the members of the outermost object; what is nested deeper than an array of strings is passed over.
#include "proto/json_members.hpp"

#include <utility>

#include "proto/json_scan.hpp"

namespace pulsegate::proto {
namespace {

using Kind = JsonMember::Kind;

class MemberReader final : public JsonVisitor {
 public:
  bool is_object = false;
  JsonMembers members;

  void key(std::size_t depth, std::string_view name) override {
    if (depth != 1) return;
    current_ = &members[std::string(name)];
    *current_ = {};
  }
  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    if (current_ == nullptr) return;
    if (depth == 1) {
      current_->kind = kind_of(kind);
      current_->text.assign(text);
    } else if (current_->kind == Kind::strings) {
      kind == JsonKind::string ? static_cast<void>(current_->items.emplace_back(text)) : spoil();
    }
  }
  void open(std::size_t depth, JsonKind kind, std::size_t) override {
    if (depth == 0) is_object = kind == JsonKind::object;
    if (depth == 0 || current_ == nullptr) return;
    depth == 1 && kind == JsonKind::array ? static_cast<void>(current_->kind = Kind::strings) : spoil();
  }
  void close(std::size_t, JsonKind, std::size_t) override {}

 private:
  static Kind kind_of(JsonKind kind) noexcept {
    switch (kind) {
      case JsonKind::null:
        return Kind::null;
      case JsonKind::boolean:
        return Kind::boolean;
      case JsonKind::number:
        return Kind::number;
      case JsonKind::string:
        return Kind::string;
      case JsonKind::object:
      case JsonKind::array:
        break;
    }
    return Kind::other;
  }
  void spoil() {
    current_->kind = Kind::other;
    current_->items.clear();
  }

  JsonMember* current_ = nullptr;  // of the outermost object; null before its first key
};

}  // namespace

std::optional<JsonMembers> read_json_members(std::string_view text) {
  MemberReader reader;
  if (JsonScanner().scan(text, reader) != JsonScan::ok || !reader.is_object) return std::nullopt;
  return std::move(reader.members);
}

}  // namespace pulsegate::proto
