// What a session and its connection say of themselves to operators. A copy, without any secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/devices/device_report.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"
#include "proto/time.hpp"

namespace pulsegate::ws {

// Thread: value. Ages are seconds before the report was made; null: never.
struct SessionReport {
  struct Feed {
    proto::DeviceId device;
    bool joined = false;
    proto::ChannelSet subscribed;                 // acknowledged
    proto::ChannelSet unacked;                    // waiting for the bus to confirm
    proto::ChannelSet awaiting;                   // acknowledged, the first value is still to come
    std::optional<devices::DeviceReport> report;  // filled in by the shard; null: not in memory
  };
  struct Auth {
    std::string subject;   // empty: the token names none
    std::string token_id;  // … too
    proto::Timestamp ends{};
    bool debug = false;
    std::optional<std::size_t> devices;                // how many it names; null: all
    std::optional<std::vector<std::string>> channels;  // null: all
  };

  // The connection's own.
  std::string id;         // `connected.data.connectionId`
  std::size_t shard = 0;  // where it lives
  bool closing = false;
  std::uint16_t close_code = 0;  // 0: none yet
  std::size_t backlog = 0;       // bytes
  std::uint64_t conflated = 0;   // frames dropped for newer ones since the backlog was last empty
  bool stalled = false;          // the client takes nothing, for longer than it may
  bool compressed = false;
  std::optional<double> received_age;
  std::optional<double> sent_age;  // since the socket last took something

  // The session's.
  bool fleet = false;
  proto::Timestamp opened{};
  std::uint64_t errors = 0;  // messages of type error that it was sent
  std::optional<Auth> auth;  // null: nobody is asked for a token
  std::vector<Feed> feeds;
};

}  // namespace pulsegate::ws
