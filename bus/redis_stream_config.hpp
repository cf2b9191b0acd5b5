// What a RedisStreamReader can be told, with default, unit and reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "bus/redis_config.hpp"

namespace pulsegate::bus {

struct RedisStreamConfig {
  RedisConfig redis;  // the connection; `max_payload` bounds one entry's data, `backoff` and `subscribe` are not used
  std::string key = "metrics:{uuid}";  // good for check_stream_key()
  // From read_from() to the answer. A command that is not answered so long after it was sent costs the connection.
  std::chrono::milliseconds deadline{2'000};
  std::size_t max_reads = 1'024;  // asked for and not answered; more fail at once
  // Reads that Redis has been sent and has not answered: their answers, up to max_reply each, stand in its output
  // buffer, which for this kind of client has no limit of its own.
  std::size_t window = 16;
  std::size_t max_reply = 4 * 1024 * 1024;  // bytes, at least twice max_payload; a read whose answer is larger fails
  // Shorter than the subscriber's: reads come right after Redis has come back, and wait for this connection.
  BackoffConfig backoff{std::chrono::milliseconds(100), std::chrono::milliseconds(500)};
};

}  // namespace pulsegate::bus
