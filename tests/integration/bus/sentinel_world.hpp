// A master, a replica and a Sentinel that watches over them, all of a test's own.
#pragma once

#include <string>
#include <utility>

#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

struct SentinelGroupOptions {
  RedisOptions master;
  RedisOptions replica;
  std::string sentinel_config;  // more lines
};

// Thread: one at a time. The constructor returns once the Sentinel knows the replica.
class SentinelGroup {
 public:
  static constexpr char kName[] = "main";

  explicit SentinelGroup(SentinelGroupOptions options = {})
      : master(prompt(std::move(options.master))),
        replica(replica_of(master.start(), std::move(options.replica))),
        sentinel(watching(master, options.sentinel_config)) {
    replica.start();
    sentinel.start();
    if (!eventually([&] { return field("num-slaves") == "1"; })) throw std::runtime_error(sentinel.log());
  }

  // An answer of the Sentinel about the group.
  std::string field(const std::string& name) {
    const RedisReply reply = sentinel.client().command("SENTINEL", "MASTER", kName);
    for (std::size_t i = 0; i + 1 < reply.array.size(); i += 2)
      if (reply.array[i].string == name) return reply.array[i + 1].string;
    return {};
  }
  // As an operator would, without waiting for the master to die. Waits for its end.
  bool fail_over() {
    // Refused for a moment after the start, while the replica has not been asked yet.
    const bool begun = eventually([&] {
      try {
        sentinel.client().command("SENTINEL", "FAILOVER", kName);
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    });
    return begun && eventually([&] { return field("port") == std::to_string(replica.port()); }, kServerDeadline);
  }

  std::string url() const { return "redis-sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/" + kName; }

  static RedisOptions watching(const RedisServer& watched, const std::string& more = {}) {
    RedisOptions options;
    options.sentinel = true;
    const std::string name = kName;
    options.config = "sentinel monitor " + name + " 127.0.0.1 " + std::to_string(watched.port()) +
                     " 1\nsentinel down-after-milliseconds " + name + " 500\nsentinel failover-timeout " + name +
                     " 3000\n" + more;
    return options;
  }

 private:
  static RedisOptions replica_of(const RedisServer& of, RedisOptions options) {
    options.args.insert(options.args.end(), {"--replicaof", "127.0.0.1 " + std::to_string(of.port())});
    return options;
  }
  // Without waiting for other replicas to turn up.
  static RedisOptions prompt(RedisOptions options) {
    options.args.insert(options.args.end(), {"--repl-diskless-sync-delay", "0"});
    return options;
  }

 public:
  RedisServer master;
  RedisServer replica;
  RedisServer sentinel;
};

}  // namespace pulsegate::test
