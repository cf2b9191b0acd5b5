// The rows of the option table about how many may come in, and what all of them together may take.
#include <utility>

#include "gateway/access/ip_address.hpp"
#include "gateway/commands/option_table.hpp"

namespace pulsegate::commands {
namespace {

constexpr const char* kGroup = "Limits";
constexpr std::size_t kMi = 1024 * 1024;

Option row(const char* flag, const char* metavar, OptionAccess access, const char* help, const char* manual = "",
           const char* example = "") {
  return option_row(kGroup, flag, metavar, std::move(access), help, manual, example);
}

void add_connections(std::vector<Option>& rows) {
  rows.push_back(row("--max-connections", "N", option_count(&Config::max_connections, 1, 10'000'000),
                     "Connections at the same time",
                     "Also kept below the limit of open files; pulsegate_connections_limit shows what is in force."));
  rows.push_back(row("--max-connections-per-address", "N",
                     option_auto_count(&Config::max_connections_per_address, 0, 10'000'000),
                     "Connections of one client address at the same time; 0: no limit",
                     "auto: 200 where the proxies are named by trusted-proxy or proxy-protocol, else no limit, since "
                     "behind an unknown proxy all clients have its address. Of IPv6 a /64 counts as one address."));
  rows.push_back(row("--max-connections-per-subject", "N",
                     option_count(&Config::max_connections_per_subject, 0, 10'000'000),
                     "Connections of one token's subject at the same time; 0: no limit",
                     "Of tokens without a subject those with the same id are counted together, else those that are "
                     "the same."));
  rows.push_back(row("--connect-rate", "N", option_real(&Config::connect_rate, 0, 1'000'000),
                     "Connections taken a second, and at once; 0: no limit",
                     "More wait in the kernel and come in later, so that those who are in do not feel a storm of "
                     "newcomers. A shard shakes hands with some 10000 a second and does nothing else then."));
  rows.push_back(row("--connect-rate-per-address", "N",
                     option_auto_real(&Config::connect_rate_per_address, 0, 1'000'000),
                     "Connections that one client address may make a second, ten times as many at once; 0: no limit",
                     "auto: 20 where the proxies are named, else no limit."));
  rows.push_back(row("--handshake-failure-rate", "N", option_auto_real(&Config::handshake_failure_rate, 0, 1'000'000),
                     "Handshakes of one client address that may fail a second, ten times as many at once; 0: no limit",
                     "Beyond it the address is kept out until that is made up for: against those who try tokens, or "
                     "open connections and say nothing. auto: 5 where the proxies are named, else no limit."));
}

void add_replays(std::vector<Option>& rows) {
  rows.push_back(
      row("--replay", "WHO", option_word(&Config::replay, {"off", "debug", "all"}),
          "Clients that may have a device's past replayed on their connection: off, debug or all",
          "debug: those with a token that has the scope debug, so nobody where no tokens are asked for. all: "
          "whoever may see the device."));
  rows.push_back(row("--replay-span", "DURATION",
                     option_duration(&Config::replay_span, std::chrono::seconds(1), std::chrono::hours(24 * 366)),
                     "Longest span of the past that one replay may show"));
  rows.push_back(row("--max-replays", "N", option_count(&Config::max_replays, 1, 1'000),
                     "Replays that clients may watch at the same time",
                     "Each reads pages of the stream and the table as it goes, and holds back at most 256 KiB of live "
                     "messages. Each shard has an equal share, at least one."));
}

void add_proxies(std::vector<Option>& rows) {
  rows.push_back(
      as_list(row("--trusted-proxy", "NETWORK", option_texts(&Config::trusted_proxies, access::check_network),
                  "Proxy whose header names the client; may be repeated",
                  "An address or a network. Name no more than the proxies: whoever calls from one of these "
                  "addresses can pretend to be anybody, and is never limited.",
                  "10.0.7.0/24")));
  rows.push_back(row("--forwarded-header", "NAME",
                     option_word(&Config::forwarded_header, {"x-forwarded-for", "forwarded"}),
                     "Header in which they name it: x-forwarded-for or forwarded (RFC 7239)",
                     "The rightmost address in it that is no trusted proxy counts. Only the header that the proxies "
                     "write themselves is safe: the other one they pass on as the client has sent it."));
  rows.push_back(as_list(
      row("--proxy-protocol", "NETWORK", option_texts(&Config::proxy_protocol, access::check_network),
          "Proxy that sends a PROXY header before the first byte; may be repeated",
          "Version 1 or 2. Connections from there without one are closed; nobody else may send one.", "10.0.8.1")));
}

void add_memory(std::vector<Option>& rows) {
  rows.push_back(
      row("--backlog-limit", "SIZE", option_size(&Config::backlog_limit, kMi, 65'536 * kMi),
          "Backlog of all clients together above which the slowest are closed",
          "Each shard has an equal share. A quarter of as much may wait for the time that a maxRate allows."));
  rows.push_back(row("--memory-limit", "SIZE", option_memory_limit(),
                     "Memory that this process may have; off: no limit",
                     "auto: what the cgroup (a container, a systemd unit) allows. Not enforced here: see "
                     "memory-soft-limit."));
  rows.push_back(row("--memory-soft-limit", "PERCENT", option_real(&Config::memory_soft_limit, 10, 100),
                     "Percentage of it above which nobody new comes in",
                     "Newcomers get 503 and /readyz says so, those who are in stay; until it is 5 points lower "
                     "again."));
}

}  // namespace

void add_limit_rows(std::vector<Option>& rows) {
  add_connections(rows);
  add_replays(rows);
  add_proxies(rows);
  add_memory(rows);
}

}  // namespace pulsegate::commands
