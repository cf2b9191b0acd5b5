// What came after a point in a device's past: what the device remembers, the entries of its Redis Stream and the rows
// of its table become one sequence, in which a client's last message is looked up. Pure: who asks, when, and what is
// done with the answer is the device's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/devices/cursor_match.hpp"
#include "gateway/devices/event_memory.hpp"
#include "gateway/devices/position.hpp"
#include "gateway/devices/sample_merge.hpp"
#include "proto/cursor.hpp"
#include "proto/metric_values.hpp"
#include "proto/time.hpp"
#include "storage/history_source.hpp"

namespace pulsegate::devices {

// An entry of the stream: the event as it was published, or is about to be.
struct StreamSample {
  proto::Timestamp time;   // the publisher's
  proto::Timestamp added;  // Redis'
  proto::MetricValues values;
  std::string json;    // the metrics object, verbatim
  bool young = false;  // added so lately that its event may still be on its way to us
};

// What was found when the past was looked up: first the stream, then the table.
struct Past {
  proto::Timestamp from{};     // what came after this time was asked for
  proto::Timestamp looked{};   // our clock, before the first of the two was asked
  bool failed = false;         // at least one of the two could not be read: another look may show more
  bool stream_exists = false;  // the API server writes one for this device
  bool stream_more = false;    // there is more of it than was read
  std::vector<StreamSample> stream;
  bool has_table = false;                        // there is a database
  std::shared_ptr<const storage::History> rows;  // null: no database, or it could not be read
};

struct CatchUpRules {
  std::chrono::milliseconds row_lag{15'000};   // longest time from an event to its row
  std::chrono::milliseconds tolerance{1'000};  // what is older than that and has not come by the bus was missed
  std::chrono::microseconds ahead{0};          // the publisher's clock minus ours
  std::chrono::microseconds unknown{0};        // … and by how much it may be more
  // Whether it is known that something may have been missed. Where equal values leave it open, then rather too much is
  // found than too little, and otherwise the other way round.
  bool missed = true;
};

// One sample of the past. `index`: into the memory or the stream; of a row without meaning.
struct PastSample {
  enum class Source : std::uint8_t { memory, stream, row };
  Source source;
  std::size_t index;
  Sample sample;           // its event_time by our clock
  bool young = false;      // its event may still be on its way to us
  bool in_stream = false;  // whether or not it stands elsewhere too
  bool doubtful = false;   // a row that may be that of an equal event which stands behind it
};

// Thread: value. Nothing that it was made from may change while it lives.
// Invariants: 1. Events stand in the order of the bus, rows in that of the table. 2. A row and an event are joined only
// when they show the same sample; where equal values leave that open, both stand: a sample twice is better than none.
class CatchUp {
 public:
  CatchUp(const EventMemory& memory, const Past& past, const CatchUpRules& rules);

  const std::vector<PastSample>& samples() const noexcept { return samples_; }
  // The first sample that came after a position, samples().size() for none; nullopt: where that is cannot be told.
  std::optional<std::size_t> after(const Position& position) const;
  // Whether nothing can have been between samples()[i - 1] and samples()[i].
  bool follows_surely(std::size_t i) const noexcept;
  // Where the unbroken end of the memory begins: from here on only samples of the memory count. size(): it is empty.
  std::size_t live_from() const noexcept { return live_from_; }
  // Whether all that was published before `confirmed` (our clock), from when on the bus is heard, is among samples().
  // Where the table could not be read, that holds only for what comes after an entry of the stream.
  bool complete(proto::Timestamp confirmed) const noexcept;
  // Whether the row of any of the first `count` samples is known.
  bool any_row(std::size_t count) const noexcept;
  bool any_row() const noexcept { return any_row(samples_.size()); }
  // Database time minus ours.
  std::chrono::microseconds offset() const noexcept {
    return past_.rows ? past_.rows->clock_offset : std::chrono::microseconds(0);
  }
  // What its message says.
  proto::Cursor cursor(std::size_t i, const EventMemory& memory) const;

 private:
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;  // of memory and stream, in order

  proto::Timestamp ours(proto::Timestamp publishers) const noexcept { return publishers - rules_.ahead; }
  CursorMatch match_of(const proto::Cursor& cursor, const Sample& sample) const noexcept;
  Sample sample_of(const Remembered& remembered) const;
  Pairs pair_stream(const EventMemory& memory) const;
  void join(const EventMemory& memory);
  void take_between(const EventMemory& memory, std::size_t& m, std::size_t memory_end, std::size_t& s,
                    std::size_t stream_end);
  void merge_rows(const EventMemory& memory);
  void move_rows_behind_runs(const EventMemory& memory);
  void find_live(const EventMemory& memory);
  std::optional<std::size_t> after(const proto::Cursor& cursor) const;
  std::optional<std::size_t> after(proto::Timestamp time, std::chrono::microseconds unknown) const;
  bool stream_is_written() const noexcept;
  std::vector<bool> undecided() const;
  const Past& past_;
  const CatchUpRules rules_;
  std::vector<PastSample> events_;  // memory and stream
  std::vector<PastSample> samples_;
  std::vector<std::uint64_t> digests_;  // of samples_
  std::size_t live_from_ = 0;
};

}  // namespace pulsegate::devices
