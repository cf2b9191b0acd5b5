// A piece of a device's past as it would be shown again: what stream and table hold of a range, each sample once, in
// order. Pure: who reads the two, and when, is the caller's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "gateway/devices/past.hpp"
#include "proto/metric_values.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// What is asked of stream and table for one page.
struct PageRequest {
  proto::Timestamp stream_from;  // by Redis' clock, inclusive
  proto::Timestamp rows_after;   // by our clock, exclusive
  std::size_t limit;             // of each of the two
};

struct ShownSample {
  proto::Timestamp time;  // the event's own; of a row without event the time of the row, by our clock
  proto::MetricValues values;
  std::string json;  // the metrics object: verbatim, or the row's columns
};

struct PastPage {
  std::vector<ShownSample> samples;  // of [from, until), oldest first
  proto::Timestamp until{};          // all that came before it was shown: where the next page begins
  bool last = false;                 // `until` is the end of the range
};

// Thread: value. One range, page by page.
class PastPages {
 public:
  // [from, to). `row_lag`: longest time from an event to its row.
  PastPages(proto::Timestamp from, proto::Timestamp to, std::chrono::milliseconds row_lag);

  PageRequest next() const;
  // The answer to next(). Where it holds more of one moment than fits, the next request is larger and this page empty.
  // Requires: the range is not over.
  PastPage take(const Past& past);
  bool over() const noexcept { return from_ >= to_; }
  proto::Timestamp until() const noexcept { return from_; }

 private:
  // Up to where `past` has everything.
  proto::Timestamp horizon(const Past& past) const;

  proto::Timestamp from_;
  const proto::Timestamp to_;
  const std::chrono::milliseconds row_lag_;
  std::size_t limit_;
};

}  // namespace pulsegate::devices
