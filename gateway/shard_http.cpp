// What a shard answers over plain HTTP: everything that is known of a device, and its past.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "gateway/access/target.hpp"
#include "gateway/devices/history_answer.hpp"
#include "gateway/devices/snapshot_collector.hpp"
#include "gateway/shard.hpp"
#include "proto/history_request.hpp"

namespace pulsegate {

namespace {

using proto::ErrorCode;
using ws::http_error;
using Done = ws::HttpAnswerer::Done;

ws::HttpAnswer json(std::string text) {
  text += '\n';
  return {200, std::move(text), {}};
}

ws::HttpAnswer unavailable(storage::SnapshotError error) {
  return http_error(503, ErrorCode::unavailable, devices::query_failure(error));
}

struct PendingSnapshot final : ws::PendingAnswer {
  PendingSnapshot(devices::Hub& hub, const proto::ChannelTable& channels, const proto::DeviceId& device,
                  storage::Executor post, Done done)
      : collector(hub, channels, device, std::move(post), [done = std::move(done)](std::optional<std::string> text) {
          done(text ? json(std::move(*text)) : unavailable(storage::SnapshotError::overloaded));
        }) {}

  devices::SnapshotCollector collector;
};

// The hub's answer finds out by this whether somebody still waits for it.
struct PendingHistory final : ws::PendingAnswer {
  explicit PendingHistory(Done d) : done(std::make_shared<Done>(std::move(d))) {}

  std::shared_ptr<Done> done;
};

proto::RequestValue parameter(std::string_view query, std::string_view name) {
  return proto::RequestValue::of_parameter(access::query_parameter(query, name).value_or(std::string()));
}

// A '+' that nobody has encoded is a space in a query: where a zone's sign stands, it can be nothing else.
proto::RequestValue time_parameter(std::string_view query, std::string_view name) {
  static constexpr std::size_t kDate = sizeof "2026-11-22" - 1;
  proto::RequestValue value = parameter(query, name);
  const std::size_t blank = value.text.rfind(' ');
  if (blank != std::string::npos && blank > kDate) value.text[blank] = '+';
  return value;
}

}  // namespace

ws::HttpAnswerer::Answer Shard::on_get(const access::Admission& request, const Now& now, Done done) {
  if (request.grant != nullptr)
    log::info("audit.read", {{"route", request.route == access::Route::snapshot ? "snapshot" : "history"},
                             {"device", request.device->text()},
                             {"subject", request.grant->identity.subject},
                             {"token_id", request.grant->identity.token_id}});
  return request.route == access::Route::snapshot ? take_snapshot(request, std::move(done))
                                                  : ask_history(request, now, std::move(done));
}

// Channels that the token does not name are left out: null would say that nothing is known.
ws::HttpAnswerer::Answer Shard::take_snapshot(const access::Admission& request, Done done) {
  proto::ChannelSet left_out;
  for (std::size_t i = 0; i < parts_.channels.size(); ++i) {
    const auto channel = static_cast<proto::Channel>(i);
    if (!access::allows_channel(request.grant, parts_.channels.name(channel))) left_out.add(channel);
  }
  auto pending = std::make_unique<PendingSnapshot>(
      *hub_, parts_.channels, *request.device, [this](std::function<void()> task) { post(std::move(task)); },
      std::move(done));
  if (!pending->collector.start(left_out))
    return http_error(503, ErrorCode::device_limit,
                      "This gateway serves as many devices as it is allowed to; try again later.");
  return pending;
}

ws::HttpAnswerer::Answer Shard::ask_history(const access::Admission& request, const Now& now, Done done) {
  if (!access::allows_channel(request.grant, parts_.channels.name(proto::Channel::history))) {
    gate_.count(access::Forbidden::channel);
    return http_error(403, ErrorCode::forbidden, "The token does not name the channel \"history\".");
  }
  const std::string_view query = request.query;
  const proto::HistoryQueryText text{time_parameter(query, "from"), time_parameter(query, "to"),
                                     parameter(query, "points"), parameter(query, "downsample")};
  auto parsed = proto::parse_history_query(text, now.wall);
  if (const auto* sentence = std::get_if<std::string>(&parsed)) return http_error(400, ErrorCode::bad_query, *sentence);
  auto pending = std::make_unique<PendingHistory>(std::move(done));
  hub_->query_history(*request.device, std::move(std::get<proto::HistoryQuery>(parsed)),
                      [weak = std::weak_ptr<Done>(pending->done)](storage::SnapshotError error, std::string found) {
                        const auto waiting = weak.lock();
                        if (!waiting) return;
                        (*waiting)(error == storage::SnapshotError::none ? json(std::move(found)) : unavailable(error));
                      });
  return pending;
}

}  // namespace pulsegate
