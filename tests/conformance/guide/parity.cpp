// See parity.hpp. Values are compared as JavaScript sees them: numbers as doubles, members by name and order.
#include "tests/conformance/guide/parity.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

namespace pulsegate::test {
namespace {

using Names = std::set<std::string>;

// Deliberate: types that the guide's server never sends. Its clients look at `type` and ignore what they do not know.
const Names kAddedTypes = {"subscribed", "unsubscribed", "status", "metrics", "error"};

// Deliberate: members beside those of the guide, by the shape of the object. Its clients read members by name. The
// content of `processes` and `network-interfaces` is not here: nothing is added to it.
const std::map<std::string, Names> kAddedMembers = {
    {"connected", {"deviceUuid", "timestamp"}},
    {"connected.data", {"protocol", "connectionId", "limits"}},
    {"pong", {"deviceUuid", "timestamp"}},
    {"system-info", {"deviceUuid", "timestamp"}},
    {"processes", {"deviceUuid", "timestamp"}},
    {"network-interfaces", {"deviceUuid", "timestamp"}},
    {"history", {"deviceUuid", "timestamp", "mode", "cursor"}},
    {"history.data.cpu[]", {"timestamp"}},
    {"history.data.memory[]", {"timestamp"}},
    {"history.data.network[]", {"timestamp"}},
};

// Deliberate: BIGINT columns. node-postgres hands them on as strings, the gateway sends the numbers that they are.
const Names kBigints = {"system-info.data.uptime", "history.data.network[].download", "history.data.network[].upload"};

// The moment of sending: compared by form only.
const Names kMoments = {"connected.data.timestamp", "pong.data.timestamp"};

// Not of the project's making: some Node versions put U+202F before AM and PM, others an ordinary space.
const Names kClockTimes = {"history.data.cpu[].time", "history.data.memory[].time", "history.data.network[].time"};

bool contains(const Names& names, const std::string& name) {
  return names.count(name) > 0;
}

std::string with_ordinary_space(std::string text) {
  const std::string narrow = "\u202f";
  const auto at = text.find(narrow);
  if (at != std::string::npos) text.replace(at, narrow.size(), " ");
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// As Date.prototype.toISOString writes it.
bool is_moment(const Json& value) {
  const std::string form = "0000-00-00T00:00:00.000Z";
  const std::string text = value.is_string() ? value.string() : std::string();
  return std::equal(form.begin(), form.end(), text.begin(), text.end(),
                    [](char wanted, char c) { return wanted == '0' ? is_digit(c) : c == wanted; });
}

bool is_decimal_integer(const Json& value) {
  std::string text = value.is_string() ? value.string() : std::string();
  if (!text.empty() && text.front() == '-') text.erase(0, 1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Zero has a sign, and number formatters show it.
bool same_number(double a, double b) {
  return a == b && std::signbit(a) == std::signbit(b);
}

// JavaScript moves members named by an index to the front of the object, whatever the text says.
bool is_index(const std::string& name) {
  const bool digits = !name.empty() && std::all_of(name.begin(), name.end(), is_digit);
  return digits && (name.size() == 1 || name[0] != '0');
}

// Where a value stands: `where` for the reader ("history.data.cpu[3].time"), `shape` for the tables above
// ("history.data.cpu[].time").
struct Place {
  std::string where;
  std::string shape;

  Place member(const std::string& name) const { return {where + "." + name, shape + "." + name}; }
  Place element(std::size_t i) const { return {where + "[" + std::to_string(i) + "]", shape + "[]"}; }
};

class Comparison {
 public:
  void compare(const Place& place, const Json& guide, const Json& gateway) {
    if (contains(kMoments, place.shape)) {
      if (!is_moment(guide) || !is_moment(gateway)) differ(place, guide, gateway);
    } else if (contains(kBigints, place.shape) && is_decimal_integer(guide)) {
      const double number = std::strtod(guide.string().c_str(), nullptr);
      if (!gateway.is_number() || !same_number(number, gateway.number())) differ(place, guide, gateway);
    } else if (guide.is_object() && gateway.is_object()) {
      compare_members(place, guide, gateway);
    } else if (guide.is_array() && gateway.is_array()) {
      compare_elements(place, guide, gateway);
    } else if (!same_scalar(place, guide, gateway)) {
      differ(place, guide, gateway);
    }
  }

  void add(std::string sentence) { found_.push_back(std::move(sentence)); }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  static bool same_scalar(const Place& place, const Json& guide, const Json& gateway) {
    if (guide.is_number() && gateway.is_number()) return same_number(guide.number(), gateway.number());
    if (!guide.is_string() || !gateway.is_string()) return guide.text() == gateway.text();
    if (contains(kClockTimes, place.shape)) return with_ordinary_space(guide.string()) == gateway.string();
    return guide.string() == gateway.string();
  }

  void compare_members(const Place& place, const Json& guide, const Json& gateway) {
    const auto added = kAddedMembers.find(place.shape);
    std::vector<std::string> guide_order;
    std::vector<std::string> gateway_order;
    for (const std::string& name : guide.keys()) {
      if (!is_index(name)) guide_order.push_back(name);
      if (gateway.has(name)) {
        compare(place.member(name), guide.at(name), gateway.at(name));
      } else {
        add(place.where + " has no member \"" + name + "\"");
      }
    }
    for (const std::string& name : gateway.keys()) {
      if (guide.has(name)) {
        if (!is_index(name)) gateway_order.push_back(name);
      } else if (added == kAddedMembers.end() || !contains(added->second, name)) {
        add(place.where + " has the additional member \"" + name + "\"");
      }
    }
    if (gateway_order.size() == guide_order.size() && gateway_order != guide_order) {
      add(place.where + " has its members in another order: " + guide.text() + " became " + gateway.text());
    }
  }

  void compare_elements(const Place& place, const Json& guide, const Json& gateway) {
    if (guide.size() != gateway.size()) {
      add(place.where + " has " + std::to_string(gateway.size()) + " elements instead of " +
          std::to_string(guide.size()));
    }
    for (std::size_t i = 0; i < std::min(guide.size(), gateway.size()); ++i) {
      compare(place.element(i), guide.at(i), gateway.at(i));
    }
  }

  void differ(const Place& place, const Json& guide, const Json& gateway) {
    add(place.where + " is " + gateway.text().substr(0, 200) + " instead of " + guide.text().substr(0, 200));
  }

  std::vector<std::string> found_;
};

std::map<std::string, Transcript> by_type(const Transcript& transcript) {
  std::map<std::string, Transcript> result;
  for (const Json& message : transcript) result[message.type()].push_back(message);
  return result;
}

}  // namespace

std::vector<std::string> differences(const Transcript& guide, const Transcript& gateway) {
  Comparison comparison;
  const std::string first = guide.empty() ? "" : guide.front().type();
  if (!gateway.empty() && gateway.front().type() != first) {
    comparison.add("the first message is of type \"" + gateway.front().type() + "\" instead of \"" + first + "\"");
  }
  const auto from_guide = by_type(guide);
  auto from_gateway = by_type(gateway);
  for (const auto& [type, messages] : from_guide) {
    const Transcript others = std::move(from_gateway[type]);
    from_gateway.erase(type);
    if (others.size() != messages.size()) {
      comparison.add(std::to_string(others.size()) + " messages of type \"" + type + "\" instead of " +
                     std::to_string(messages.size()));
    }
    for (std::size_t i = 0; i < std::min(messages.size(), others.size()); ++i) {
      comparison.compare({type, type}, messages[i], others[i]);
    }
  }
  for (const auto& [type, messages] : from_gateway) {
    if (contains(kAddedTypes, type)) continue;
    comparison.add(std::to_string(messages.size()) + " messages of type \"" + type + "\" instead of none, such as " +
                   messages.front().text().substr(0, 200));
  }
  return comparison.take();
}

}  // namespace pulsegate::test
