// One client of one device: reads its commands and answers them.
#pragma once

#include <optional>
#include <string_view>

#include "gateway/ws/client.hpp"
#include "gateway/ws/device_feed.hpp"
#include "gateway/ws/link.hpp"
#include "proto/command.hpp"

namespace pulsegate::ws {

// Thread: its shard. Owner: the connection.
// Invariant: with a grant, nothing is subscribed that it does not allow, and the session ends at the tick after the
// grant does.
class Session final : public LinkHandler {
 public:
  // Sends `connected` and joins the device; refuses with `error` and 1013 when the process has too many devices.
  // Requires: the admission names a device.
  Session(Link& link, const access::Admission& admission, const SessionConfig& config, const SessionParts& parts,
          const Now& now);

  void on_text(std::string_view message, const Now& now) override;
  void on_binary(std::string_view message, const Now& now) override;
  void on_drained(const Conflated& lost, const Now& now) override;
  void on_tick(const Now& now) override;
  void describe(SessionReport& report) const override;
  void on_closed(std::uint16_t code, std::string_view reason, const Now& now) override;

 private:
  std::optional<proto::CommandError> obey(std::string_view message, const Now& now);
  void carry_out(const proto::Command& command, const Now& now);
  void carry_out(const proto::HistoryQuery& query);
  void carry_out(const proto::AuthRequest& request, const Now& now);
  void carry_out(proto::ReplayRequest request, const Now& now);

  Client client_;
  DeviceFeed feed_;
  const bool history_append_only_;
};

}  // namespace pulsegate::ws
