// Who a client is and what it may do, as its token says. Values; nothing here decides whether a token is good.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/device_id.hpp"
#include "proto/time.hpp"

namespace pulsegate::access {

// Safe to log: nothing of it lets anybody in.
struct Identity {
  std::string subject;   // the claim `sub` (--jwt-subject-claim); empty: the token names none
  std::string token_id;  // the claim `jti`; empty: none
  // Who is counted together: "sub:<subject>", else "jti:<token id>", else "token:<16 hex digits of its SHA-256>".
  std::string key;
};

// nullopt: all of them.
struct Permissions {
  std::optional<std::vector<proto::DeviceId>> devices;
  std::optional<std::vector<std::string>> channels;  // by name
  bool debug = false;                                // what others must not do: replays

  bool allows(const proto::DeviceId& device) const {
    return !devices || std::find(devices->begin(), devices->end(), device) != devices->end();
  }
  bool allows_channel(std::string_view name) const {
    return !channels || std::find(channels->begin(), channels->end(), name) != channels->end();
  }
};

// What a good token gives. Thread: immutable once made. Bounds: as large as a token, access::kMaxTokenBytes.
struct Grant {
  Identity identity;
  Permissions permissions;
  proto::Timestamp ends{};  // `exp` and the allowed clock skew: no longer good from then on
};

// Null: nobody is asked for a token (--auth none), and everything is allowed.
using GrantPtr = std::shared_ptr<const Grant>;

inline bool allows(const GrantPtr& grant, const proto::DeviceId& device) {
  return grant == nullptr || grant->permissions.allows(device);
}
inline bool allows_channel(const GrantPtr& grant, std::string_view name) {
  return grant == nullptr || grant->permissions.allows_channel(name);
}

}  // namespace pulsegate::access
