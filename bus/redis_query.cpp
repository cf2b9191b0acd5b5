// See redis_query.hpp.
#include "bus/redis_query.hpp"

#include <utility>

#include "bus/resp_command.hpp"
#include "bus/value_reader.hpp"

namespace pulsegate::bus {
namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;

RedisConfig for_questions(RedisConfig config) {
  config.read_buffer = kReadBuffer;
  config.client_name += "-topology";
  return config;
}

}  // namespace

RedisQuery::RedisQuery(asio::io_context& io, RedisConfig config, const Commands& commands, Done done)
    : config_(for_questions(std::move(config))), deadline_(io), done_(std::move(done)), expected_(commands.size()) {
  for (const auto& command : commands) append_command(commands_, command);
}

std::shared_ptr<RedisQuery> RedisQuery::ask(asio::io_context& io, RedisConfig config, const Commands& commands,
                                            Done done) {
  const std::shared_ptr<RedisQuery> query(new RedisQuery(io, std::move(config), commands, std::move(done)));
  query->deadline_.expires_after(query->config_.connect_timeout);
  query->deadline_.async_wait([query](const std::error_code& error) {
    if (!error) query->finish("Redis did not answer within the connect timeout");
  });
  query->link_ = std::make_shared<RedisLink>(io, query->config_, *query, std::make_unique<ValueReader>());
  query->link_->open();
  return query;
}

void RedisQuery::close() {
  done_ = nullptr;
  deadline_.cancel();
  if (link_) std::exchange(link_, nullptr)->close();
}

void RedisQuery::on_link_ready() {
  link_->send(commands_);
}

void RedisQuery::on_link_reply(const Reply& reply) {
  const auto keep = shared_from_this();
  values_.push_back(*reply.value);
  if (values_.size() == expected_) finish({});
}

void RedisQuery::on_link_lost(RedisLink::Loss, const std::string& reason) {
  const auto keep = shared_from_this();
  finish(reason);
}

void RedisQuery::finish(const std::string& fault) {
  if (!done_) return;
  const Done done = std::exchange(done_, nullptr);
  close();
  if (!fault.empty()) values_.clear();
  done(fault, values_);
}

}  // namespace pulsegate::bus
