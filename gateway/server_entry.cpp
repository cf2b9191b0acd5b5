// Who comes in at the public port, and how many: the limits that concern all shards together.
#include <malloc.h>

#include <string>
#include <utility>

#include "gateway/log.hpp"
#include "gateway/server.hpp"
#include "gateway/server_limits.hpp"

namespace pulsegate {

namespace {

// How often memory that is free for us is given back to the system while it is short. That takes milliseconds, in which
// threads that allocate may have to wait; without it what departed clients held would count for ever.
constexpr std::chrono::seconds kTrim{10};

}  // namespace

ws::ListenerConfig Server::listener_config() const {
  ws::ListenerConfig listener;
  listener.host = config_.listen.host;
  listener.port = config_.listen.port;
  listener.shards = config_.shards;
  listener.accept_rate = config_.connect_rate;
  listener.steer_timeout = config_.handshake_timeout;
  listener.proxy_protocol = access::NetworkList(config_.proxy_protocol);
  return listener;
}

ws::ListenerCalls Server::listener_calls() {
  ws::ListenerCalls calls;
  calls.hand_over = [this](asio::ip::tcp::socket socket, std::size_t shard, ws::Arrival arrival) {
    shards_[shard]->adopt(std::move(socket), std::move(arrival));
  };
  calls.admit = [this](ws::Arrival& arrival) { return admit(arrival); };
  calls.blame = [this](const access::IpAddress& source) { limiter_.fail(source, clock_.now().steady); };
  return calls;
}

bool Server::admit(ws::Arrival& arrival) {
  std::size_t occupied = listener_->waiting();
  for (const auto& each : shards_) occupied += each->occupied();
  set_full(occupied >= max_connections_, occupied);
  if (full_) ++refused_full_;
  if (occupied >= max_connections_ + kRefusalHeadroom) {
    ++dropped_full_;
    return false;
  }
  // Whom a proxy speaks for is only known with the request.
  if (limiter_.is_proxy(arrival.source)) return true;
  const SteadyTime now = clock_.now().steady;
  arrival.limited = limiter_.arrive(arrival.source, now, arrival.place);
  return arrival.limited == access::Limit::none || admit_limited(arrival, now);
}

bool Server::admit_limited(const ws::Arrival& arrival, SteadyTime now) {
  const std::string address = arrival.source.text();
  repeated_.write(address, now, log::Level::warn, "client.limited",
                  {{"limit", access::kLimitNames[static_cast<std::size_t>(arrival.limited)]}, {"client", address}});
  if (refusals_.take(now)) return true;
  ++dropped_limited_;
  return false;
}

void Server::set_full(bool full, std::size_t occupied) {
  if (full == full_) return;
  full_ = full;
  const char* const event = full ? "full" : "room-again";
  repeated_.write(event, clock_.now().steady, log::Level::warn, event, {{"connections", occupied}});
  tell_accepting();
}

void Server::look_at_memory() {
  const auto used = used_memory(memory_bound_);
  if (!used) return;
  memory_used_ = *used;
  const bool changed = memory_.update(*used);
  if (changed) {
    log::warn(memory_.high() ? "memory.high" : "memory.normal",
              {{"used", *used}, {"limit", memory_bound_.bytes}, {"soft_limit_percent", config_.memory_soft_limit}});
    tell_accepting();
  }
  const SteadyTime now = clock_.now().steady;
  if (memory_.high() && !changed && now - trimmed_ >= kTrim) {
    trimmed_ = now;
    ::malloc_trim(0);
  }
}

void Server::tell_accepting() {
  if (draining_) return;  // then nobody is taken on in any case
  const bool accepting = !full_ && !memory_.high();
  for (const auto& each : shards_) each->post([s = each.get(), accepting] { s->set_accepting(accepting); });
}

}  // namespace pulsegate
