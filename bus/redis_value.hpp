// A reply of Redis as a tree, for the few questions about a topology. Events and streams have readers of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pulsegate::bus {

struct RedisValue {
  enum class Type : std::uint8_t { nil, text, integer, array, error };

  Type type = Type::nil;
  std::string text;  // of a text (bulk or status) or an error
  std::int64_t integer = 0;
  std::vector<RedisValue> items;  // of an array

  bool is(Type wanted) const noexcept { return type == wanted; }
  // Of an array of names and values one behind the other; nullptr: none of that name.
  const RedisValue* member(const std::string& name) const noexcept {
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      if (items[i].text == name) return &items[i + 1];
    return nullptr;
  }
};

}  // namespace pulsegate::bus
