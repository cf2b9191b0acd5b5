// Two questions to a Sentinel: get-master-addr-by-name already names the new master while a failover is going on, and
// SENTINEL MASTER tells the epoch of that. Asking every two seconds needs no subscription to +switch-master, which a
// Sentinel that hangs would never send.
#include "bus/sentinel_finder.hpp"

#include <charconv>
#include <utility>

#include "bus/redis_error.hpp"

namespace pulsegate::bus {
namespace {

using Type = RedisValue::Type;

std::int64_t number_of(const RedisValue* value) {
  std::int64_t number = 0;
  if (value != nullptr) std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  return number;
}

}  // namespace

SentinelFinder::SentinelFinder(asio::io_context& io, const RedisConfig& config)
    : io_(io), config_(config), timer_(io) {}

void SentinelFinder::find(Found found) {
  close();
  found_ = std::move(found);
  asked_ = 0;
  faults_.clear();
  ask_next();
}

void SentinelFinder::watch(Moved moved) {
  close();
  moved_ = std::move(moved);
  recheck();
}

void SentinelFinder::close() {
  found_ = nullptr;
  moved_ = nullptr;
  timer_.cancel();
  if (query_) std::exchange(query_, nullptr)->close();
}

// The finder lives until close(), after which no query answers.
void SentinelFinder::query(const RedisUrl& url, const RedisQuery::Commands& commands, RedisQuery::Done done) {
  RedisConfig config = config_;
  config.url = url;
  config.connect_timeout = config_.question_timeout;
  query_ = RedisQuery::ask(io_, std::move(config), commands, [this, done = std::move(done)](const auto&... answer) {
    query_ = nullptr;
    done(answer...);
  });
}

void SentinelFinder::ask(std::function<void(const Answer&)> then) {
  const std::string& name = config_.url.master;
  query(config_.url.sentinel_at(sentinel()),
        {{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}, {"SENTINEL", "MASTER", name}},
        [this, then = std::move(then)](const std::string& fault, const std::vector<RedisValue>& values) {
          Answer answer;
          answer.fault = fault;
          if (fault.empty()) answer = read(values);
          then(answer);
        });
}

SentinelFinder::Answer SentinelFinder::read(const std::vector<RedisValue>& values) const {
  Answer answer;
  const RedisValue& address = values[0];
  for (const RedisValue& value : values) {
    if (!value.is(Type::error) || value.text.rfind("ERR No such master", 0) == 0) continue;
    answer.fault = explain_redis_error(value.text);
    return answer;
  }
  if (address.is(Type::nil)) {
    answer.fault = "it knows no master called " + config_.url.master + ": correct the name in the Redis URL";
    return answer;
  }
  if (address.items.size() != 2 || !parse_number(address.items[1].text, answer.master.port)) {
    answer.fault = "it is no Redis Sentinel";
    return answer;
  }
  answer.master.host = address.items[0].text;
  answer.epoch = number_of(values[1].member("config-epoch"));
  if (answer.epoch < epoch_) answer.fault = "it has not heard of the last failover";
  return answer;
}

void SentinelFinder::ask_next() {
  ask([this](const Answer& answer) {
    answer.fault.empty() ? verify(answer) : next_after("Sentinel " + sentinel().text() + ": " + answer.fault);
  });
}

// What Sentinels say may be old: they notice a dead master only after a while, and a demoted one goes on accepting
// connections.
void SentinelFinder::verify(const Answer& answer) {
  query(config_.url.at(answer.master), {{"ROLE"}},
        [this, answer](const std::string& fault, const std::vector<RedisValue>& values) {
          const std::string who = "master " + answer.master.text() + ": ";
          if (!fault.empty()) return next_after(who + fault);
          const RedisValue& role = values[0];
          if (role.is(Type::error)) return next_after(who + explain_redis_error(role.text));
          if (role.items.empty() || role.items[0].text != "master")
            return next_after(who + "it says that it is none, so a failover may be under way");
          master_ = answer.master;
          epoch_ = answer.epoch;
          finish({});
        });
}

void SentinelFinder::next_after(const std::string& fault) {
  faults_.add(fault);
  ++turn_;
  if (++asked_ < config_.url.seeds.size()) return ask_next();
  // Sentinels that were set up anew begin to count anew.
  epoch_ = 0;
  finish("no Sentinel leads to a master called " + config_.url.master + ": " + faults_.text());
}

void SentinelFinder::finish(const std::string& fault) {
  const Found found = std::exchange(found_, nullptr);
  if (found) found(master_, fault);
}

// The others are asked in turn: one of them may be cut off, and know nothing.
void SentinelFinder::recheck() {
  timer_.expires_after(config_.recheck);
  timer_.async_wait([this](const std::error_code& error) {
    if (error) return;
    ++turn_;
    ask([this](const Answer& answer) {
      if (!answer.fault.empty() || answer.master == master_) return recheck();
      const Moved moved = std::exchange(moved_, nullptr);
      if (moved) moved("Sentinel " + sentinel().text() + " says that the master is now " + answer.master.text());
    });
  });
}

}  // namespace pulsegate::bus
