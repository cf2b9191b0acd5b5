// See node_connection.hpp. The finder's callbacks may use `this`: after close() it does not call.
#include "bus/node_connection.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::bus {

BackoffConfig topology_backoff(const RedisConfig& config) {
  BackoffConfig backoff = config.backoff;
  if (config.url.topology != Topology::standalone)
    backoff.longest = std::min(backoff.longest, std::chrono::milliseconds(1'000));
  return backoff;
}

NodeConnection::NodeConnection(asio::io_context& io, const RedisConfig& config, RedisLink::Owner& owner,
                               MakeReader make_reader)
    : io_(io),
      config_(config),
      owner_(owner),
      make_reader_(std::move(make_reader)),
      finder_(make_node_finder(io, config)) {}

void NodeConnection::open() {
  if (!finder_) return open_link();
  finding_ = true;
  finder_->find([this](const RedisAddress& address, const std::string& fault) {
    finding_ = false;
    if (!fault.empty()) return owner_.on_link_lost(RedisLink::Loss::connection, fault);
    note(address);
    config_.url = config_.url.at(address);
    open_link();
  });
}

void NodeConnection::open_link() {
  link_ = std::make_shared<RedisLink>(io_, config_, owner_, make_reader_());
  link_->open();
}

void NodeConnection::ready() {
  if (!finder_) return;
  finder_->watch([this](const std::string& reason) { owner_.on_link_lost(RedisLink::Loss::connection, reason); });
}

void NodeConnection::close() noexcept {
  finding_ = false;
  if (finder_) finder_->close();
  if (link_) std::exchange(link_, nullptr)->close();
}

void NodeConnection::note(const RedisAddress& address) {
  if (node_ == address) return;
  if (!node_.host.empty()) ++node_changes_;
  node_ = address;
  if (config_.notice) config_.notice("redis.node", address.text());
}

}  // namespace pulsegate::bus
