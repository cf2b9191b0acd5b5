// Fewer points that show the same chart. Pure; whoever asks decides how many points are worth sending.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/history_point.hpp"

namespace pulsegate::proto {

// Each cuts the samples into buckets of equally many. Devices report at a steady pace, so that a bucket is also a span
// of time; and where samples are missing, no point stands for them.
//  lttb:   of each bucket the sample that forms the largest triangle with the one chosen before and the next bucket's
//          mean (Steinarsson 2013): the shape that the eye sees, spikes included.
//  minmax: of each bucket the samples with the least and the greatest value: no extreme is ever lost.
//  mean:   of each bucket the mean of its values, at the time of its middle sample: a smooth line.
enum class Downsample : std::uint8_t { lttb, minmax, mean };

// "lttb", "minmax", "mean".
std::string_view name(Downsample how) noexcept;
std::optional<Downsample> find_downsample(std::string_view name) noexcept;

// At most `limit` points of one chart, in the order of `points`; all of them, unchanged, when they are no more than
// that. Requires: oldest first; equal times are fine. Linear in `points`; allocates the result only.
//  lttb:   exactly `limit` samples, among them the first and the last. With a limit of 2 these are all, with 1 it
//          is the last. The areas of both values of a chart count together, each value in units of its range over all
//          of `points`.
//  minmax: at most `limit` samples, among them the first and the last; 2 and 1 as above. A chart of two values keeps
//          the extremes of either, up to four samples a bucket. Where the limit leaves less room than one bucket's
//          extremes need, highs go before lows and the first value before the second.
//  mean:   exactly `limit` points, no value outside those of its bucket.
std::vector<ChartPoint> downsample(Downsample how, Chart chart, const std::vector<HistoryPoint>& points,
                                   std::size_t limit);

}  // namespace pulsegate::proto
