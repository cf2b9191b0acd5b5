// See slot_map.hpp. CLUSTER SLOTS is known to every Redis that has clusters:
//   [[first, last, [host, port, id, …] master, [host, port, id, …] replica, …], …]
#include "bus/slot_map.hpp"

#include <algorithm>

#include "bus/redis_error.hpp"

namespace pulsegate::bus {
namespace {

using Type = RedisValue::Type;

// The line `name:value` of CLUSTER INFO.
std::string_view line_of(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find("\r\n", at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.substr(0, name.size()) == name && line.size() > name.size() && line[name.size()] == ':')
      return line.substr(name.size() + 1);
    at = end + 2;
  }
  return {};
}

// nullopt: this node's address is not known to its cluster ("?").
std::optional<RedisAddress> address_of(const RedisValue& node, const RedisAddress& asked) {
  if (node.items.size() < 2 || !node.items[1].is(Type::integer)) return std::nullopt;
  const std::string& host = node.items[0].text;
  const std::int64_t port = node.items[1].integer;
  if (host == "?" || port < 1 || port > 65'535) return std::nullopt;
  return RedisAddress{host.empty() ? asked.host : host, static_cast<std::uint16_t>(port)};
}

}  // namespace

// Bit by bit: it is computed once for a topic, not for an event.
std::uint16_t slot_of(std::string_view key) noexcept {
  const auto open = key.find('{');
  const auto close = open == std::string_view::npos ? open : key.find('}', open + 1);
  if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  unsigned crc = 0;
  for (const char c : key) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
  }
  return static_cast<std::uint16_t>(crc & (kSlots - 1));
}

std::string SlotMap::read(const RedisValue& slots, const RedisValue& info, const RedisAddress& asked) {
  for (const RedisValue* answer : {&slots, &info}) {
    if (!answer->is(Type::error)) continue;
    if (answer->text.find("cluster support disabled") != std::string::npos)
      return "it is no node of a Redis Cluster: use redis://";
    return explain_redis_error(answer->text);
  }
  if (!slots.is(Type::array)) return "it does not tell the slots of a Redis Cluster";
  *this = SlotMap();
  ok_ = line_of(info.text, "cluster_state") == "ok";
  parse_number(line_of(info.text, "cluster_current_epoch"), epoch_);
  for (const RedisValue& range : slots.items) {
    if (range.items.size() < 3) return "it tells the slots of its cluster in another form";
    const std::int64_t first = range.items[0].integer;
    const std::int64_t last = range.items[1].integer;
    if (first < 0 || last < first || last >= static_cast<std::int64_t>(kSlots))
      return "it tells slots that no Redis Cluster has";
    for (std::size_t i = 2; i < range.items.size(); ++i) {
      const auto address = address_of(range.items[i], asked);
      if (!address) continue;
      const std::uint16_t number = add(*address);
      if (number == 0) return "its cluster has more than " + std::to_string(kMaxNodes) + " nodes";
      if (i == 2) std::fill(owners_.begin() + first, owners_.begin() + last + 1, number);
    }
  }
  return nodes_.empty() ? "none of its cluster's nodes holds a slot" : std::string();
}

std::optional<Redirect> parse_redirect(std::string_view error, const RedisAddress& from) {
  const bool ask = error.substr(0, 4) == "ASK ";
  const auto blank = error.rfind(' ');
  const auto colon = error.rfind(':');
  if ((!ask && error.substr(0, 6) != "MOVED ") || colon == std::string_view::npos || colon < blank) return std::nullopt;
  Redirect redirect{ask, {std::string(error.substr(blank + 1, colon - blank - 1)), 0}};
  if (redirect.to.host.empty()) redirect.to.host = from.host;
  if (!parse_number(error.substr(colon + 1), redirect.to.port) || redirect.to.port == 0) return std::nullopt;
  return redirect;
}

void SlotMap::set_owner(std::uint16_t slot, const RedisAddress& node) {
  owners_[slot] = add(node);
}

bool SlotMap::same_owners(const SlotMap& other) const noexcept {
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    const RedisAddress* const a = owner(slot);
    const RedisAddress* const b = other.owner(slot);
    if (a != b && (a == nullptr || b == nullptr || *a != *b)) return false;
  }
  return true;
}

std::size_t SlotMap::index_of(const RedisAddress& node) const noexcept {
  return static_cast<std::size_t>(std::find(nodes_.begin(), nodes_.end(), node) - nodes_.begin());
}

std::uint16_t SlotMap::add(const RedisAddress& node) {
  const std::size_t index = index_of(node);
  if (index == kMaxNodes) return 0;
  if (index == nodes_.size()) nodes_.push_back(node);
  return static_cast<std::uint16_t>(index + 1);
}

}  // namespace pulsegate::bus
