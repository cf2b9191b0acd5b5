// How many connections one client address, and one token's subject, may have and make. For all shards together: a
// client's devices may live on any of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "gateway/access/admission.hpp"
#include "gateway/access/forwarded.hpp"
#include "gateway/access/ip_address.hpp"
#include "gateway/access/rate_table.hpp"
#include "gateway/access/tally.hpp"
#include "gateway/clock.hpp"

namespace pulsegate::access {

// Which limit is in the way. address: connections at the same time; address_rate: connections made a second; failures:
// failed handshakes a second.
enum class Limit : std::uint8_t { none, address, address_rate, failures, subject };
inline constexpr std::size_t kLimits = 5;
inline constexpr std::array<const char*, kLimits> kLimitNames = {"none", "address", "address-rate", "failures",
                                                                 "subject"};

// 0: no such limit.
struct LimitRules {
  NetworkList trusted;  // proxies whose header counts; an address of theirs is never limited
  ForwardedHeader header = ForwardedHeader::x_forwarded_for;
  std::size_t per_address = 0;
  std::size_t per_subject = 0;
  double connect_rate = 0;  // a second and address, ten times as many at once
  double failure_rate = 0;  // the same
};

struct LimiterCounters {
  std::array<std::uint64_t, kLimits> limited{};  // connections, by Limit
  std::uint64_t addresses = 0;                   // gauge: that have a connection; counted where there is a limit
  std::uint64_t subjects = 0;                    // gauge: the same
};

// Thread: any. Its mutexes are taken when a connection comes, fails or goes, never while it is there.
// Owner: Server; outlives every place.
class Limiter {
 public:
  explicit Limiter(const LimitRules& rules = {});

  // A connection of `client` has come. Unless limited, `place` is what it holds of its address (nothing where addresses
  // are not counted).
  Limit arrive(const IpAddress& client, SteadyTime now, Tally::Place& place);
  // A connection of whom `key` (access::Identity) tells is to be opened.
  Limit enter(std::string_view key, Tally::Place& place);
  // A handshake failed by the fault of `client`.
  void fail(const IpAddress& client, SteadyTime now);

  // Whether `address` is a proxy of the operator, so that the client is whom its header names.
  bool is_proxy(const IpAddress& address) const noexcept { return rules_.trusted.contains(address); }
  const LimitRules& rules() const noexcept { return rules_; }
  LimiterCounters counters() const;

 private:
  Limit count(Limit limit) noexcept {
    if (limit != Limit::none) limited_[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed);
    return limit;
  }
  bool limits(const IpAddress& client) const noexcept { return client.known() && !is_proxy(client); }

  const LimitRules rules_;
  Tally addresses_;
  Tally subjects_;
  std::mutex rates_;
  RateTable connects_;  // both guarded by rates_
  RateTable failures_;
  std::array<std::atomic<std::uint64_t>, kLimits> limited_{};
};

// How a request above a limit is refused: 429, or 4429 for browsers.
Admission limited(const Request& request, Limit limit);

}  // namespace pulsegate::access
