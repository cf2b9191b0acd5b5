// Connections, those that are refused, limited or sent away, and requests over plain HTTP.
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>

#include "gateway/access/limiter.hpp"
#include "gateway/ops/metric_page.hpp"
#include "proto/close_code.hpp"

namespace pulsegate::ops {
namespace {

// Statuses that the public port gives; anything else would be a surprise, and is counted as "other".
void add_refusals(MetricPage& page) {
  constexpr std::array<std::pair<int, const char*>, 8> kReasons = {{{400, "bad-request"},
                                                                    {401, "unauthorized"},
                                                                    {403, "forbidden"},
                                                                    {404, "not-found"},
                                                                    {405, "method-not-allowed"},
                                                                    {426, "upgrade-required"},
                                                                    {429, "too-many-requests"},
                                                                    {503, "unavailable"}}};
  std::map<std::string, std::uint64_t> reasons{{"full", page.report().refused_full}, {"other", 0}};
  for (const auto& [status, reason] : kReasons) reasons[reason] = 0;
  for (const ShardReport& shard : page.report().shards)
    for (const auto& [status, count] : shard.endpoint.refused) {
      const char* name = "other";
      for (const auto& [code, reason] : kReasons)
        if (code == status) name = reason;
      reasons[name] += count;
    }
  page.counter("pulsegate_connections_refused_total", "Connections and requests refused, by reason.");
  for (const auto& [reason, count] : reasons) page.add(count, {{"reason", reason}});
}

template <typename Pick>
void by_status(MetricPage& page, const char* route, std::initializer_list<int> usual, Pick&& pick) {
  std::map<std::string, std::uint64_t> statuses{{"none", 0}};
  for (const int status : usual) statuses[std::to_string(status)] = 0;
  for (const ShardReport& shard : page.report().shards)
    for (const auto& [status, count] : pick(shard)) statuses[status == 0 ? "none" : std::to_string(status)] += count;
  for (const auto& [status, count] : statuses) page.add(count, {{"route", route}, {"status", status}});
}

void add_plain_requests(MetricPage& page) {
  page.gauge("pulsegate_http_pending", "Plain HTTP requests whose answer is being made or sent.")
      .add(page.sum([](const ShardReport& shard) { return shard.endpoint.answering; }));
  page.counter("pulsegate_http_requests_total", "Plain HTTP requests, by route and status.");
  by_status(
      page, "snapshot", {200, 400, 401, 403, 405, 429, 500, 503, 504},
      [](const ShardReport& shard) -> const auto& { return shard.endpoint.snapshots; });
  by_status(
      page, "history", {200, 400, 401, 403, 405, 429, 500, 503, 504},
      [](const ShardReport& shard) -> const auto& { return shard.endpoint.histories; });
  by_status(
      page, "page", {200, 304, 403, 404, 405, 429, 503},
      [](const ShardReport& shard) -> const auto& { return shard.endpoint.pages; });
}

}  // namespace

void add_connections(MetricPage& page) {
  page.gauge("pulsegate_connections", "Open WebSockets, by shard.");
  for (std::size_t i = 0; i < page.report().shards.size(); ++i)
    page.add(page.report().shards[i].endpoint.connections, {{"shard", std::to_string(i)}});
  page.gauge("pulsegate_connections_limit", "Connections that are served at the same time at most.")
      .add(page.report().max_connections);
  page.gauge("pulsegate_handshakes", "Accepted sockets whose opening handshake is not complete.")
      .add(page.sum([](const ShardReport& shard) { return shard.endpoint.handshaking; }));
  page.counter("pulsegate_sockets_accepted_total", "Sockets taken by the listener.")
      .add(page.report().listener.accepted);
  page.counter("pulsegate_accept_failures_total", "Failed accepts, for instance for lack of descriptors.")
      .add(page.report().listener.failures);
  page.total("pulsegate_connections_opened_total", "WebSockets opened.",
             [](const ShardReport& shard) { return shard.endpoint.opened; });
  page.total("pulsegate_handshake_failures_total", "Handshakes that timed out or were not HTTP.",
             [](const ShardReport& shard) { return shard.endpoint.handshake_failures; });
  add_refusals(page);
  add_plain_requests(page);
}

void add_limits(MetricPage& page) {
  const ws::ListenerCounters& listener = page.report().listener;
  page.counter("pulsegate_accept_pauses_total", "Times that accepting rested because of --connect-rate.")
      .add(listener.rate_pauses);
  page.counter("pulsegate_limited_total", "Connections above a limit of their address or subject, by limit.");
  for (std::size_t i = 1; i < pulsegate::access::kLimits; ++i)  // 0 is "none"
    page.add(page.report().limits.limited[i], {{"limit", pulsegate::access::kLimitNames[i]}});
  page.counter("pulsegate_sockets_dropped_total", "Sockets closed before their request was read, by reason.")
      .add(page.report().dropped_full, {{"reason", "full"}})
      .add(page.report().dropped_limited, {{"reason", "limited"}})
      .add(listener.without_descriptor, {{"reason", "descriptors"}})
      .add(listener.proxy_failures, {{"reason", "proxy-header"}})
      .add(listener.steer_failures, {{"reason", "request-line"}});
  page.gauge("pulsegate_client_addresses", "Client addresses that have a connection, where they are counted.")
      .add(page.report().limits.addresses);
  page.gauge("pulsegate_client_subjects", "Subjects that have a connection, where they are counted.")
      .add(page.report().limits.subjects);
}

// Peers may send any code from 3000 to 4999: only ours become labels.
void add_disconnects(MetricPage& page) {
  std::map<std::string, std::uint64_t> codes{{"abnormal", 0}, {"no-status", 0}, {"other", 0}};
  std::size_t count = 0;
  const proto::CloseInfo* table = proto::close_table(count);
  for (std::size_t i = 0; i < count; ++i) codes[std::string(table[i].name)] = 0;
  for (const ShardReport& shard : page.report().shards)
    for (const auto& [code, times] : shard.endpoint.closed) {
      const auto known = proto::find_close_code(code);
      if (known)
        codes[std::string(proto::close_info(*known).name)] += times;
      else
        codes[code == 1006 ? "abnormal" : code == 1005 ? "no-status" : "other"] += times;
    }
  page.counter("pulsegate_disconnects_total", "WebSockets closed, by the name of the close code.");
  for (const auto& [code, times] : codes) page.add(times, {{"code", code}});
  page.counter("pulsegate_sent_away_total", "Clients that were told to reconnect, by reason.");
  page.add(page.sum([](const ShardReport& shard) { return shard.endpoint.sent_away_age; }), {{"reason", "age"}});
  page.add(page.sum([](const ShardReport& shard) { return shard.endpoint.sent_away_drain; }), {{"reason", "drain"}});
  page.gauge("pulsegate_connections_overdue", "Older than --max-connection-age, and not sent away yet.")
      .add(page.sum([](const ShardReport& shard) { return shard.endpoint.overdue; }));
}

}  // namespace pulsegate::ops
