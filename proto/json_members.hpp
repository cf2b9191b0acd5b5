// The members of a JSON object from an untrusted source, as values: for texts whose members' names are not known
// beforehand, such as the claims of a token.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::proto {

struct JsonMember {
  enum class Kind : std::uint8_t { null, boolean, number, string, strings, other };

  Kind kind = Kind::other;  // strings: an array of nothing but strings, possibly empty; other: any other structure
  std::string text;         // string: decoded; number and boolean: as written
  std::vector<std::string> items;  // of `strings`
};

using JsonMembers = std::map<std::string, JsonMember, std::less<>>;

// The members of the top-level object; of repeated ones the last counts. nullopt: no valid JSON in valid UTF-8, nested
// too deep, or no object. Requires: the caller checked the size.
std::optional<JsonMembers> read_json_members(std::string_view text);

}  // namespace pulsegate::proto
