// One client of one device: reads its commands, answers them, and passes on what the device delivers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/access/gate.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/hub.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/ws/link.hpp"
#include "proto/channel.hpp"
#include "proto/command.hpp"

namespace pulsegate::ws {

struct SessionConfig {
  std::size_t max_message = proto::limits::kMaxInboundMessage;  // bytes, told to the client
  double command_rate = 20;                                     // commands a second
  double command_burst = 60;
  bool legacy_append = false;  // clients of /ws?deviceUuid= that do not say in which form get `history` appended
};

// Thread: its shard. Owner: the connection.
// Invariant: with a grant, nothing is subscribed that it does not allow, and the session ends at the tick after the
// grant does.
class Session final : public LinkHandler, private devices::Receiver {
 public:
  // Sends `connected` and joins the device; refuses with `error` and 1013 when the process has too many devices.
  // `gate`, `hub`, `channels` and `counters` outlive the session.
  Session(Link& link, const access::Admission& admission, const SessionConfig& config, access::Gate& gate,
          devices::Hub& hub, const proto::ChannelTable& channels, SessionCounters& counters, const Now& now);
  ~Session() override;

  void on_text(std::string_view message, const Now& now) override;
  void on_binary(std::string_view message, const Now& now) override;
  void on_drained(const Conflated& lost, const Now& now) override;
  void on_tick(const Now& now) override;
  void on_closed(std::uint16_t code, std::string_view reason, const Now& now) override;

 private:
  void deliver(proto::Channel channel, const FramePtr& frame) override;
  void deliver_control(const FramePtr& frame) override;
  void deliver_answer(const FramePtr& frame) override;

  std::optional<proto::CommandError> obey(std::string_view message, const Now& now);
  bool within_rate(const Now& now);
  void carry_out(const proto::Command& command, const Now& now);
  void carry_out(const proto::HistoryQuery& query);
  void carry_out(const proto::AuthRequest& request, const Now& now);
  // Those that the grant allows; the others are told as errors.
  std::vector<proto::Channel> allowed(const proto::Command& command);
  void drop_forbidden_channels();
  void end_access(access::AccessEnd why);
  void send_error(proto::ErrorCode code, std::string_view message, std::string_view id = {});

  Link& link_;
  const proto::DeviceId device_;
  access::Gate& gate_;
  access::GrantPtr grant_;        // null: nobody is asked for a token
  std::uint64_t generation_ = 0;  // of the gate's policy, when the grant was last compared with it
  devices::Hub& hub_;
  const proto::ChannelTable& channels_;
  SessionCounters& counters_;
  devices::Member member_;
  const bool history_append_only_;
  access::RateBucket rate_;
  SteadyTime rate_told_{};  // last `rate-limited` error: once a second is enough
  const proto::Timestamp opened_;
};

}  // namespace pulsegate::ws
