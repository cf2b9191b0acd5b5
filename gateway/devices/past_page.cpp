// The pages overlap, so that a row is recognised as that of an event which stands in the stream before the page. They
// are small: joining rows and events costs the product of their numbers, on the thread that serves everybody.
#include "gateway/devices/past_page.hpp"

#include <algorithm>

#include "gateway/devices/catch_up.hpp"
#include "proto/message.hpp"

namespace pulsegate::devices {
namespace {

using proto::Timestamp;

constexpr std::size_t kFirstLimit = 250;
constexpr std::size_t kMaxLimit = 2'000;  // what one read returns at most
constexpr std::size_t kMostWanted = 256'000;
constexpr std::chrono::seconds kClocks{30};  // that those of the servers may differ
constexpr std::chrono::milliseconds kTolerance{1'000};

Timestamp time_of(const Sample& sample, std::chrono::microseconds offset) {
  return sample.event_time ? *sample.event_time : *sample.row_time - offset;
}

}  // namespace

PastPages::PastPages(Timestamp from, Timestamp to, std::chrono::milliseconds row_lag)
    : from_(from), to_(to), row_lag_(row_lag), limit_(kFirstLimit) {}

// Where more is wanted than one read returns, the time before the page is shorter by as much, or a device that reports
// often would fill the read with that alone.
PageRequest PastPages::next() const {
  const auto before = [this](std::chrono::milliseconds time) {
    const std::size_t times = std::max<std::size_t>(1, limit_ / kMaxLimit);
    return from_ - time / static_cast<std::chrono::milliseconds::rep>(times);
  };
  return {before(row_lag_ + kClocks), before(kClocks), std::min(limit_, kMaxLimit)};
}

// An event's row may be stamped `row_lag` after it, so of rows that were cut off the last of these say nothing certain.
Timestamp PastPages::horizon(const Past& past) const {
  Timestamp horizon = to_;
  if (past.stream_more && !past.stream.empty()) horizon = std::min(horizon, past.stream.back().time);
  if (past.rows && past.rows->more && !past.rows->rows.empty())
    horizon = std::min(horizon, past.rows->rows.back().recorded_at - clock_offset(past) -
                                    (past.stream.empty() ? std::chrono::milliseconds(0) : row_lag_));
  return horizon;
}

PastPage PastPages::take(const Past& past) {
  PastPage page;
  Timestamp end = horizon(past);
  if (end <= from_) {
    if (limit_ < kMostWanted) {
      limit_ *= 4;
      page.until = from_;
      return page;
    }
    // More at once than one read returns. It goes on behind what was read.
    end = from_ + std::chrono::milliseconds(1);
    if (past.stream_more && !past.stream.empty()) end = std::max(end, past.stream.back().time);
    if (past.rows && past.rows->more) end = std::max(end, past.rows->rows.back().recorded_at - clock_offset(past));
    end = std::min(end, to_);
  }
  const EventMemory nothing;
  const CatchUp all(nothing, past, {row_lag_, kTolerance});
  for (const PastSample& each : all.samples()) {
    const Timestamp time = time_of(each.sample, all.offset());
    if (time < from_ || time >= end) continue;
    ShownSample shown{time, each.sample.values, {}};
    if (each.source == PastSample::Source::stream) {
      shown.json = past.stream[each.index].json;
    } else {
      proto::append_metric_values(shown.json, each.sample.values, past.rows->metric_mask);
    }
    page.samples.push_back(std::move(shown));
  }
  page.until = from_ = end;
  page.last = over();
  return page;
}

}  // namespace pulsegate::devices
