// How a member is answered that has asked about the past.
#include <algorithm>

#include "gateway/devices/device.hpp"
#include "gateway/devices/history_answer.hpp"

namespace pulsegate::devices {

void Device::answer_query(std::uint32_t number, const proto::HistoryQuery& query,
                          const storage::HistoryResult& result) {
  const auto asker =
      std::find_if(members_.begin(), members_.end(), [&](const Member* member) { return member->query == number; });
  if (asker == members_.end()) return;
  (*asker)->query = 0;
  env_.scratch.clear();
  if (result.error != storage::SnapshotError::none) {
    proto::append_error(env_.scratch, proto::ErrorCode::unavailable, query_failure(result.error), query.id);
    return (*asker)->receiver.deliver_control(Frame::text(env_.scratch));
  }
  devices::answer_query(id_, env_.clock, history_, query, result.history.get())
      .append_result_to(env_.scratch, query.id);
  (*asker)->receiver.deliver_answer(Frame::text(env_.scratch));
}

}  // namespace pulsegate::devices
