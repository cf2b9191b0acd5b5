#include "reporter.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "tests/integration/gateway/stack.hpp"
#include "tests/support/redis_client.hpp"

namespace pulsegate::test {
namespace {

using Clock = std::chrono::steady_clock;

// A Redis that does not answer must not stop the reports of other devices.
constexpr Millis kRedisDeadline{300};
constexpr Millis kBeforeNextAttempt{250};

}  // namespace

// Redis, while it is there.
class Reporter::Connection {
 public:
  explicit Connection(std::uint16_t port) : port_(port) {}

  bool publish(const std::string& channel, const std::string& payload) {
    if (Clock::now() < next_attempt_) return false;
    try {
      if (!client_) client_.emplace("127.0.0.1", port_, std::string(), kRedisDeadline);
      client_->publish(channel, payload);
      return true;
    } catch (const std::exception&) {
      client_.reset();
      next_attempt_ = Clock::now() + kBeforeNextAttempt;
      return false;
    }
  }

 private:
  const std::uint16_t port_;
  std::optional<RedisClient> client_;
  Clock::time_point next_attempt_;
};

Reporter::Reporter(ReporterOptions options) : options_(std::move(options)), published_(options_.devices.size()) {
  reporting_ = std::thread([this] { report_all(); });
  storing_ = std::thread([this] { store_all(); });
}

Reporter::~Reporter() {
  ending_ = true;
  reporting_.join();
  storing_.join();
}

bool Reporter::finish(Millis deadline) {
  finishing_ = true;
  return eventually([this] { return reported_ && unstored() == 0; }, deadline);
}

std::vector<PublishedReport> Reporter::published(std::size_t device) const {
  const std::lock_guard lock(mutex_);
  return published_[device];
}

std::size_t Reporter::unstored() const {
  const std::lock_guard lock(mutex_);
  return rows_.size();
}

void Reporter::report_all() {
  Connection redis(options_.redis_port);
  const auto report = [&](std::size_t device) {
    const long long time = now_ms();
    int number = 0;
    {
      // Known before it is published: a client may have it before we go on.
      const std::lock_guard lock(mutex_);
      number = static_cast<int>(published_[device].size());
      published_[device].push_back({time, true, false});
    }
    const std::string& uuid = options_.devices[device];
    if (!redis.publish("device:" + uuid + ":metrics", metrics_event(uuid, cpu_of_report(number), time))) ++dropped_;
    const std::lock_guard lock(mutex_);
    rows_.push_back({device, number});
  };
  const auto step =
      std::chrono::duration_cast<Clock::duration>(options_.interval) / static_cast<Clock::rep>(options_.devices.size());
  Clock::time_point due = Clock::now();
  for (std::size_t device = 0; !ending_ && !finishing_; device = (device + 1) % options_.devices.size()) {
    const auto wait = std::chrono::ceil<Millis>(due - Clock::now());
    if (wait > Millis(0)) pause_for(wait);  // the pace
    due += step;
    report(device);
  }
  for (std::size_t device = 0; !ending_ && device < options_.devices.size(); ++device) report(device);
  reported_ = true;
}

void Reporter::store_all() {
  std::optional<PostgresClient> sql;
  while (!ending_) {
    std::optional<Row> row;
    {
      const std::lock_guard lock(mutex_);
      if (!rows_.empty()) row = rows_.front();
    }
    if (!row) {
      pause_for(Millis(2));
      continue;
    }
    try {
      if (!sql) sql.emplace(options_.database);
      insert_metrics(*sql, row_of(options_.devices[row->device], cpu_of_report(row->report)));
      const std::lock_guard lock(mutex_);
      rows_.pop_front();
    } catch (const std::exception&) {
      sql.reset();
      pause_for(Millis(50));
    }
  }
}

}  // namespace pulsegate::test
