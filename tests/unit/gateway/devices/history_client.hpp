// What tests of the forms of `history` ask for, and how they read what comes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gateway/devices/history_views.hpp"
#include "hub_fixture.hpp"

namespace pulsegate::test {

inline devices::SubscribeOptions points(std::size_t count) {
  devices::SubscribeOptions options;
  options.history.emplace();
  options.history->points = count;
  return options;
}

inline devices::SubscribeOptions append(std::size_t count) {
  devices::SubscribeOptions options = points(count);
  options.history->mode = proto::HistoryMode::append;
  return options;
}

// As --legacy-history append serves the clients that say nothing.
inline devices::SubscribeOptions append_only() {
  devices::SubscribeOptions options;
  options.history_append_only = true;
  return options;
}

inline devices::SubscribeOptions span(std::chrono::milliseconds length,
                                      proto::HistoryMode mode = proto::HistoryMode::replace) {
  devices::SubscribeOptions options;
  options.history.emplace();
  options.history->window = length;
  options.history->mode = mode;
  return options;
}

// Takes what has come; the values of the last `history` among it. Throws when there is none.
inline std::vector<int> cpu_of_last(TestClient& client) {
  return cpu_of_history(last_of_type(client.take(), "history"));
}

}  // namespace pulsegate::test
