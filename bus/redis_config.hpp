// What a connection to Redis can be told, with default, unit and reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "bus/backoff.hpp"
#include "bus/redis_url.hpp"
#include "bus/subscription_tracker.hpp"

namespace pulsegate::bus {

// For rediss:// and its like; read anew for each connection, so that renewed files need no restart.
struct RedisTls {
  std::string ca_file;      // PEM; empty: the system's CAs
  std::string cert_file;    // PEM, with its chain; empty: no client certificate
  std::string key_file;     // PEM without a passphrase; together with cert_file
  std::string server_name;  // whose certificate is accepted, and SNI; empty: the host of the URL
};

struct RedisConfig {
  RedisUrl url;
  RedisTls tls;
  std::string client_name = "pulsegate";  // as CLIENT LIST shows it; no blanks
  std::size_t max_payload = 256 * 1024;   // bytes of one event; larger ones are dropped and counted
  std::size_t read_buffer = 1024 * 1024;  // bytes of one read: it bounds the batch between two on_batch_end()
  std::chrono::milliseconds connect_timeout{5'000};  // resolve, connect, TLS, authenticate
  std::chrono::milliseconds ping_interval{5'000};    // silence after which a PING is sent
  std::chrono::milliseconds read_deadline{10'000};   // silence after which the connection is dead; above ping_interval
  BackoffConfig backoff;

  // With Sentinels or a cluster only.
  std::chrono::milliseconds question_timeout{2'000};  // one question to one node, connecting included
  std::chrono::milliseconds recheck{2'000};  // between questions whether the node in use is still the right one
  // For the log: what the topology has become. Called on the adapter's thread.
  std::function<void(std::string_view event, std::string_view detail)> notice;

  // Topics are patterns (PSUBSCRIBE): a message arrives once for each that it matches, with its channel as the topic.
  // Not in sharded pub/sub, which has none.
  bool patterns = false;

  SubscriptionTrackerConfig subscribe;
};

}  // namespace pulsegate::bus
