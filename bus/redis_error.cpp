// The table of known error replies. An unknown one is passed on as it is.
#include "bus/redis_error.hpp"

#include <algorithm>
#include <array>

namespace pulsegate::bus {
namespace {

struct Explanation {
  std::string_view prefix;
  std::string_view sentence;
};

constexpr std::array<Explanation, 12> kExplanations{{
    {"WRONGPASS", "Redis refused the user or password: correct them in the Redis URL"},
    {"NOAUTH", "Redis asks for a password: put user:password@ into the Redis URL"},
    {"MOVED", "this Redis is a node of a cluster and does not hold the key: begin the Redis URL with redis-cluster"},
    {"CLUSTERDOWN", "the Redis Cluster is incomplete: it will be tried again"},
    {"LOADING", "Redis is still loading its data set: it will be tried again"},
    {"MASTERDOWN", "this Redis replica has lost its primary: it will be tried again"},
    {"DENIED", "Redis runs in protected mode: give it a password or bind it to an address"},
    {"ERR max number of clients", "Redis has no room for another client: raise its maxclients"},
    {"ERR DB index",
     "the database number in the Redis URL does not exist on this server: lower it or raise `databases`"},
    {"ERR invalid DB index", "the database number in the Redis URL is not accepted by this server"},
    {"ERR AUTH", "the Redis URL holds a password but this server has none: remove it or set requirepass"},
    {"ERR Client sent AUTH", "the Redis URL holds a password but this server has none: remove it or set requirepass"},
}};

constexpr std::size_t kMaxQuoted = 200;  // bytes of a reply that go to the log

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxQuoted));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// "NOPERM … no permissions to run the 'client|setname' command": the name, empty when it is not about a command.
std::string_view refused_command(std::string_view reply) {
  const auto begin = reply.find('\'');
  const auto end = begin == std::string_view::npos ? begin : reply.find('\'', begin + 1);
  return end == std::string_view::npos ? std::string_view() : reply.substr(begin + 1, end - begin - 1);
}

std::string explain_permission(std::string_view reply) {
  const std::string_view command = refused_command(reply);
  if (!command.empty())
    return "the Redis user may not use a command that is needed: grant it +" + printable(command) + " (" +
           printable(reply) + ")";
  return "the Redis user may not read these channels: grant it those of the devices, for instance &device:* (" +
         printable(reply) + ")";
}

}  // namespace

std::string explain_redis_error(std::string_view reply) {
  if (begins_with(reply, "NOPERM")) return explain_permission(reply);
  for (const Explanation& known : kExplanations) {
    if (begins_with(reply, known.prefix)) {
      return std::string(known.sentence) + " (" + printable(reply) + ")";
    }
  }
  return "Redis answered with an error: " + printable(reply);
}

std::string explain_publish_error(std::string_view reply) {
  if (begins_with(reply, "NOPERM"))
    return "the Redis user may not publish: grant it +publish and &pulsegate:canary:* (with --redis-sharded on "
           "+spublish), or say "
           "--canary off (" +
           printable(reply) + ")";
  if (begins_with(reply, "ERR unknown command"))
    return "this Redis knows no PUBLISH: say --canary off (" + printable(reply) + ")";
  return explain_redis_error(reply);
}

std::string explain_stream_error(std::string_view reply, std::string_view key_rule) {
  if (begins_with(reply, "NOPERM"))
    return "the Redis user may not read the streams: grant it +xrange +exists " + std::string(key_rule) + " (" +
           printable(reply) + ")";
  if (begins_with(reply, "WRONGTYPE"))
    return "the key of a stream holds something else: correct --stream-key, or say none (" + printable(reply) + ")";
  return explain_redis_error(reply);
}

}  // namespace pulsegate::bus
