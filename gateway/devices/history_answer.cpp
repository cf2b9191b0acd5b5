#include "gateway/devices/history_answer.hpp"

#include <vector>

#include "proto/downsample.hpp"

namespace pulsegate::devices {

namespace {

std::vector<proto::HistoryPoint> points_between(const std::vector<Sample>& samples, proto::Timestamp from,
                                                proto::Timestamp to) {
  std::vector<proto::HistoryPoint> points;
  points.reserve(samples.size());
  for (const Sample& sample : samples)
    if (sample.time() >= from && sample.time() < to)
      points.push_back(proto::make_history_point(sample.time(), sample.values));
  return points;
}

}  // namespace

proto::HistoryMessage answer_query(const proto::DeviceId& device, const proto::ClockFormat& clock,
                                   const HistoryWindow& window, const proto::HistoryQuery& query,
                                   const storage::History* history) {
  static const storage::History kNothing;
  if (history == nullptr) history = &kNothing;
  const auto points = points_between(window.join(history->rows, history->metric_mask), query.from, query.to);
  proto::HistoryMessage message(device, clock);
  for (const proto::Chart chart : {proto::Chart::cpu, proto::Chart::memory, proto::Chart::network})
    for (const proto::ChartPoint& point : proto::downsample(query.downsample, chart, points, query.points))
      message.add(chart, point);
  return message;
}

std::string_view query_failure(storage::SnapshotError error) noexcept {
  return error == storage::SnapshotError::overloaded ? "Too many reads wait for the database; ask again later."
                                                     : "The database could not be read; ask again later.";
}

}  // namespace pulsegate::devices
