// The contract of publishing: what the gateway itself sends over the bus, which is its canary and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pulsegate::bus {

enum class Published : std::uint8_t {
  taken,    // the server has taken it; who listens gets it
  refused,  // the server will not let this user do it, now or later
  failed    // no connection, or no answer in time; perhaps it was taken all the same
};

// Thread: the io_context's thread only.
class Publisher {
 public:
  // `reason`: one sentence for logs, empty when taken.
  using Done = std::function<void(Published outcome, const std::string& reason)>;

  virtual ~Publisher() = default;

  // One message at a time: another one before `done` has run fails. `done` runs once, never from inside this call, and
  // not after stop().
  virtual void publish(std::string_view topic, std::string_view payload, Done done) = 0;
  // Final. Idempotent.
  virtual void stop() = 0;
};

}  // namespace pulsegate::bus
