// The forms of `history` that clients of a device have asked for, beside the one that everybody gets who asks for
// nothing: that one is the device's own, and costs what it cost before there were others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/devices/device_config.hpp"
#include "gateway/devices/history_view.hpp"
#include "gateway/devices/history_window.hpp"
#include "gateway/devices/member.hpp"
#include "proto/device_id.hpp"
#include "storage/history_source.hpp"

namespace pulsegate::devices {

class Device;
struct DeviceEnvironment;

// What the views of a device stand on; it lives as long as one call.
struct HistoryContext {
  Device& device;
  const proto::DeviceId& id;
  DeviceEnvironment& env;
  HistoryWindow& window;
  const Now& now;
  bool ready;  // the first snapshot has been read, or could not be
};

// Thread: one shard. Owner: Device. Empty, it is one pointer.
// Invariants: 1. Members of equal keys share one view, and each of its frames. 2. There are at most kMaxViews. 3. In
// append form, members that have a window have all samples before `sent_end`; what they have is true from `true_from`
// on. 4. At most one range is being read.
class HistoryViews {
 public:
  static constexpr std::size_t kMaxViews = 16;

  bool empty() const noexcept { return views_ == nullptr; }
  bool has_members() const noexcept;
  bool has_spans() const noexcept;

  // Puts the member, which is in no view, into the view of this key. False: there are too many others.
  bool enter(Member& member, const HistoryKey& key, const HistoryContext& context);
  // Out of its view. A view without members is kept for the linger time: a page reload must not read again.
  void leave(Member& member, const HistoryContext& context);
  // The view has what its members wait for, or never will have.
  bool can_deliver(const Member& member) const noexcept;
  // Sends the member, who has just come or lacks points, its whole window, or what follows `since` of its wish; before
  // that, what is due to the others. False: there is nothing to show.
  bool deliver(Member& member, const HistoryContext& context);

  // The window is about to change, or has changed.
  void before_merge(const HistoryContext& context);
  void after_merge(const std::vector<Sample>& before, std::int64_t end_before, const HistoryContext& context);
  void left_window(const Sample& sample);
  void took_event(const HistoryContext& context);
  // Sends what is due: everything with `at_once`.
  void send(const HistoryContext& context, bool at_once);

  // A snapshot was read, of so many points, or could not be.
  void on_read(std::size_t points, const HistoryContext& context);
  // The answer to DeviceHost::request_range(). False: it could not be read, and will be asked for again.
  bool on_range(std::uint32_t number, const storage::HistoryResult& result, const HistoryContext& context);

  // How many samples the window must hold: at least `least`.
  std::size_t capacity(std::size_t least) const noexcept;

  // Requires: not empty(). Drops views that nobody came back to.
  void on_time(const HistoryContext& context);
  SteadyTime next_due(Millis refresh) const noexcept;

 private:
  struct State {
    std::vector<std::unique_ptr<HistoryView>> views;
    std::uint32_t last_number = 0;
    std::uint32_t reading = 0;  // the number of the view whose range is being read; 0: none
    SteadyTime retry_at = kNever;
    Millis retry_after{0};
  };

  // history_views.cpp
  HistoryView* find_or_add(const HistoryKey& key, const HistoryContext& context);
  void read_ranges(const HistoryContext& context);
  void assign(HistoryView& view, const storage::History& history, const HistoryContext& context);

  // history_delivery.cpp
  static void changed(HistoryView& view, std::int64_t same_from) noexcept;
  static void stand_at_end(HistoryView& view, const HistoryContext& context);
  void send(HistoryView& view, const HistoryContext& context, bool at_once);
  void send_new(HistoryView& view, const HistoryContext& context, const Member* newcomer);
  bool begin(HistoryView& view, Member& member, const HistoryContext& context);

  std::unique_ptr<State> views_;
};

}  // namespace pulsegate::devices
