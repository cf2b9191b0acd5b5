// The part of a span of time that lies before the window in memory: read from the table once, then fed by what grows
// too old for the window. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/devices/sample_merge.hpp"
#include "proto/downsample.hpp"
#include "proto/history_point.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: one shard. Owner: HistoryView.
// Invariants: 1. There are at most max_size() points, however many were taken. 2. While there were never more, all are
// there, unchanged. 3. Else each slice of time (`length` / `points`) keeps what its chart needs: the samples with the
// least and greatest values, or, for `mean`, their mean. So nothing is thinned out twice, and old and new alike.
class HistorySpan {
 public:
  // `points`: what a client is shown; 1 or more.
  HistorySpan(std::chrono::milliseconds length, std::size_t points, proto::Downsample how) noexcept;

  // What the table has of the time before the window, oldest first. Takes the place of what the table had before; what
  // the window gave stays, unless it is older than `rows` or forget() said otherwise.
  void assign(std::vector<proto::HistoryPoint> rows);
  // A sample that the window holds no longer; the next one of the bus.
  void take(const Sample& sample);
  // The window has grown: what it shows from this time on is not the span's any more.
  void cut(proto::Timestamp from);
  // Samples are missing between this and the window: what the window gave may be replaced by rows too.
  void forget() noexcept { taken_ = 0; }
  // Drops what is older.
  void expire(proto::Timestamp oldest);

  const std::vector<proto::HistoryPoint>& points() const noexcept { return points_; }
  std::chrono::milliseconds length() const noexcept { return length_; }
  std::size_t max_size() const noexcept;

 private:
  void compact();

  const std::chrono::milliseconds length_;
  const std::size_t limit_;
  const proto::Downsample how_;
  std::vector<proto::HistoryPoint> points_;  // oldest first
  std::vector<std::uint32_t> weights_;       // of `mean`: how many samples each point stands for; else empty
  std::size_t taken_ = 0;                    // the last so many of points_ came from the window
};

}  // namespace pulsegate::devices
