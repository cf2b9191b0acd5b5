// What a device answers to a question about its past: the rows of the range, with what is in memory where that is newer
// or more exact.
#include <algorithm>

#include "gateway/devices/device.hpp"
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

void Device::answer_query(std::uint32_t number, const proto::HistoryQuery& query,
                          const storage::HistoryResult& result) {
  const auto asker =
      std::find_if(members_.begin(), members_.end(), [&](const Member* member) { return member->query == number; });
  if (asker == members_.end()) return;
  (*asker)->query = 0;
  env_.scratch.clear();
  if (result.error != storage::SnapshotError::none) {
    const bool busy = result.error == storage::SnapshotError::overloaded;
    proto::append_error(env_.scratch, proto::ErrorCode::unavailable,
                        busy ? "Too many reads wait for the database; ask again later."
                             : "The database could not be read; ask again later.",
                        query.id);
    return (*asker)->receiver.deliver_control(Frame::text(env_.scratch));
  }
  static const storage::History kNothing;
  const storage::History& history = result.history ? *result.history : kNothing;
  const auto points = points_between(history_.join(history.rows, history.metric_mask), query.from, query.to);
  proto::HistoryMessage message(id_, env_.clock);
  for (const proto::Chart chart : {proto::Chart::cpu, proto::Chart::memory, proto::Chart::network})
    for (const proto::ChartPoint& point : proto::downsample(query.downsample, chart, points, query.points))
      message.add(chart, point);
  message.append_result_to(env_.scratch, query.id);
  (*asker)->receiver.deliver_answer(Frame::text(env_.scratch));
}

}  // namespace pulsegate::devices
