// What was found of a device's past, and one sample of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/devices/sample_merge.hpp"
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

// Database time minus ours.
inline std::chrono::microseconds clock_offset(const Past& past) noexcept {
  return past.rows ? past.rows->clock_offset : std::chrono::microseconds(0);
}

}  // namespace pulsegate::devices
