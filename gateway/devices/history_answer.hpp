// What a question about a device's past is answered with: the rows of the range, with what is in memory where that is
// newer or more exact. Pure.
#pragma once

#include <string_view>

#include "gateway/devices/history_window.hpp"
#include "proto/device_id.hpp"
#include "proto/history_request.hpp"
#include "proto/message.hpp"
#include "proto/time.hpp"
#include "storage/history_source.hpp"

namespace pulsegate::devices {

// The points of `query`, to be appended in either form. `history`: null where there is no database. `window`: of the
// device, empty where it is not in memory.
proto::HistoryMessage answer_query(const proto::DeviceId& device, const proto::ClockFormat& clock,
                                   const HistoryWindow& window, const proto::HistoryQuery& query,
                                   const storage::History* history);

// The sentence for a client whose question failed. Requires: error != none.
std::string_view query_failure(storage::SnapshotError error) noexcept;

}  // namespace pulsegate::devices
