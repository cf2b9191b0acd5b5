// What the options about limits come to on this machine: rules for addresses, and how many clients its descriptors
// allow.
#pragma once

#include <cstddef>

#include "gateway/access/limiter.hpp"
#include "gateway/config.hpp"

namespace pulsegate {

// Limits by address are off until the operator has named the proxies: behind an unknown one all clients have the same.
inline constexpr std::size_t kConnectionsPerAddress = 200;
inline constexpr double kConnectRatePerAddress = 20;
inline constexpr double kHandshakeFailureRate = 5;

access::LimitRules limit_rules(const Config& config);

// Beyond --max-connections so many more are taken on, to be told 503 instead of being left in the dark.
inline constexpr std::size_t kRefusalHeadroom = 256;

// Descriptors for everything that is not a client of the public port: Redis, PostgreSQL, the ports of operators, logs,
// files, reserves, and those who are only refused. From the code's own bounds, rounded up.
std::size_t reserved_descriptors(const Config& config) noexcept;
// How many clients fit. Throws std::runtime_error with one sentence for the operator when `descriptors` are too few for
// any.
std::size_t connections_that_fit(const Config& config, std::size_t descriptors);
// The same, after the soft limit of this process was raised to the hard one. Warns when less than what is configured.
std::size_t fit_connections(const Config& config);

}  // namespace pulsegate
