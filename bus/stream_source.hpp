// The contract of Redis Streams: what the API server has appended for a device, next to publishing it. A help for short
// gaps, not an archive: the stream holds about the last 1 000 entries, and a worker may delete those that are in the
// database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/device_id.hpp"
#include "proto/time.hpp"

namespace pulsegate::bus {

inline constexpr std::size_t kMaxStreamRead = 2'000;  // entries of one read

inline constexpr char kNodeLost[] = "LOST";  // there was no connection, or it was lost

struct StreamEntry {
  proto::Timestamp time;   // the entry's field `timestamp` (ISO 8601); without a readable one the same as `added`
  proto::Timestamp added;  // by Redis' clock, whole milliseconds: the time in the entry's ID
  std::string data;        // the field `data`: metrics as JSON text, verbatim and unchecked; empty: there is none
};

struct StreamAnswer {
  bool ok = false;
  std::string detail;  // when not ok: one sentence for the log; the fields below say nothing then
  // When not ok, for adapters that know more nodes than one: what the node said, "MOVED 3999 host:port" or "ASK …", or
  // kNodeLost.
  std::string redirect;
  bool exists = false;               // the key exists, even when all its entries are deleted
  std::vector<StreamEntry> entries;  // oldest first
  bool more = false;                 // there may be more behind the last of `entries` than was asked for
};

// Plain counters of one StreamSource; written by its thread only.
struct StreamCounters {
  std::uint64_t reads = 0;       // answered
  std::uint64_t failures = 0;    // of those: not ok
  std::uint64_t missing = 0;     // of those: ok, but the key does not exist
  std::uint64_t entries = 0;     // given to callers
  std::uint64_t oversized = 0;   // entries left out, their data being larger than the configured payload cap
  std::uint64_t reconnects = 0;  // successful connects but for the first
  std::uint64_t redirects = 0;   // of a cluster: reads that went to another node, since the first had not the key
  std::uint64_t in_flight = 0;   // gauge: reads asked for and not answered
};

// Thread: the io_context's thread only.
// Owner: a shard.
class StreamSource {
 public:
  using Callback = std::function<void(StreamAnswer)>;

  virtual ~StreamSource() = default;

  // The entries that were added at or after `from` by Redis' clock (compared as whole milliseconds, `from` rounded
  // down), the oldest `limit` of them (1 to kMaxStreamRead). Entries whose data is too large are left out and counted.
  // `done` runs exactly once, on the source's thread, never before this returns and within the source's deadline; after
  // stop() never. It may call the source, and stop or destroy it.
  virtual void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit, Callback done) = 0;

  // No callback after this returns. Idempotent. Not restartable: a later read is not answered.
  virtual void stop() = 0;

  virtual StreamCounters counters() const = 0;
};

}  // namespace pulsegate::bus
