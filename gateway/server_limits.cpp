// The sums behind the limits.
#include "gateway/server_limits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "gateway/log.hpp"
#include "gateway/ops/http_port.hpp"

namespace pulsegate {
namespace {

// stdin to stderr, the loop (epoll, eventfd, timerfd), the pipe of signals, three ports with their reserves, files that
// are read now and then, a name that is being resolved.
constexpr std::size_t kProcess = 3 + 3 + 2 + 6 + 8 + 4;
// The loop; a connection for events and one for streams, each while the next one is being made; a name.
constexpr std::size_t kPerShard = 3 + 4 + 2;
// Its connection while the next one is being made, and a name.
constexpr std::size_t kPerDatabaseThread = 3;
// Fewer are a mistake of whoever set the limit.
constexpr std::size_t kFewestConnections = 16;

}  // namespace

access::LimitRules limit_rules(const Config& config) {
  const bool clients_are_known = !config.trusted_proxies.empty() || !config.proxy_protocol.empty();
  const auto choose = [clients_are_known](const auto& chosen, auto otherwise) {
    return chosen ? *chosen : clients_are_known ? otherwise : 0;
  };
  access::LimitRules rules;
  rules.trusted = access::NetworkList(config.trusted_proxies);
  rules.header = config.forwarded_header == "forwarded" ? access::ForwardedHeader::forwarded
                                                        : access::ForwardedHeader::x_forwarded_for;
  rules.per_address = choose(config.max_connections_per_address, kConnectionsPerAddress);
  rules.per_subject = config.max_connections_per_subject;
  rules.connect_rate = choose(config.connect_rate_per_address, kConnectRatePerAddress);
  rules.failure_rate = choose(config.handshake_failure_rate, kHandshakeFailureRate);
  return rules;
}

std::size_t reserved_descriptors(const Config& config) noexcept {
  const std::size_t operators = 2 * ops::HttpPortLimits().max_connections;
  const std::size_t database = config.database ? config.database_threads * kPerDatabaseThread : 0;
  return kProcess + operators + config.shards * kPerShard + database + kRefusalHeadroom;
}

std::size_t connections_that_fit(const Config& config, std::size_t descriptors) {
  const std::size_t reserved = reserved_descriptors(config);
  // Of very few, half: then not all that is reserved for can happen at the same time.
  const std::size_t fit = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
  if (fit < kFewestConnections)
    throw std::runtime_error("the limit of open files, " + std::to_string(descriptors) +
                             ", is too low to serve clients; raise it (ulimit -n, LimitNOFILE) to at least " +
                             std::to_string(2 * reserved));
  return std::min(fit, config.max_connections);
}

std::size_t fit_connections(const Config& config) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return config.max_connections;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t fit = connections_that_fit(config, static_cast<std::size_t>(limit.rlim_cur));
  if (fit < config.max_connections)
    log::warn("limit.descriptors", {{"max_connections", fit},
                                    {"wanted", config.max_connections},
                                    {"open_files", limit.rlim_cur},
                                    {"needed", config.max_connections + reserved_descriptors(config)},
                                    {"hint", "raise the limit of open files (ulimit -n, LimitNOFILE)"}});
  return fit;
}

}  // namespace pulsegate
