// Tokens and rights.
#include "gateway/access/token_fault.hpp"
#include "gateway/ops/metric_page.hpp"

namespace pulsegate::ops {

void add_access(MetricPage& page) {
  page.counter("pulsegate_auth_failures_total", "Tokens that were no good, or not sent, by reason.");
  page.by_name(
      "reason", pulsegate::access::kTokenFaultNames,
      [](const ShardReport& shard) -> const auto& { return shard.access.failures; });
  page.counter("pulsegate_auth_forbidden_total", "What was asked for without the right to it, by what it was.");
  page.by_name(
      "what", pulsegate::access::kForbiddenNames,
      [](const ShardReport& shard) -> const auto& { return shard.access.forbidden; });
  page.counter("pulsegate_auth_closed_total", "WebSockets closed since their token holds no more, by reason.");
  page.by_name(
      "reason", pulsegate::access::kAccessEndNames,
      [](const ShardReport& shard) -> const auto& { return shard.access.ended; });
  page.total("pulsegate_auth_refreshes_total", "Tokens renewed on an open WebSocket.",
             [](const ShardReport& shard) { return shard.access.refreshes; });
  page.total("pulsegate_auth_tokens_total", "Tokens looked at.",
             [](const ShardReport& shard) { return shard.access.checks; });
  page.total("pulsegate_auth_tokens_known_total", "Of those: found good before, so that no signature was checked.",
             [](const ShardReport& shard) { return shard.access.cached; });
  const AccessReloads& reloads = page.report().access_reloads;
  page.counter("pulsegate_auth_reloads_total", "Changed files of keys and revocations, by outcome.")
      .add(reloads.keys, {{"file", "key"}, {"outcome", "loaded"}})
      .add(reloads.keys_failed, {{"file", "key"}, {"outcome", "broken"}})
      .add(reloads.revocations, {{"file", "revocations"}, {"outcome", "loaded"}})
      .add(reloads.revocations_failed, {{"file", "revocations"}, {"outcome", "broken"}});
}

}  // namespace pulsegate::ops
