#include "reporter.hpp"

#include <cstdio>
#include <exception>

#include "tests/support/eventually.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/wall_clock.hpp"

namespace pulsegate::test {
namespace {

// In one round trip what the API server does in two.
constexpr const char* kReport =
    "redis.call('XADD', 'metrics:'..ARGV[1], 'MAXLEN', '~', '1000', '*', 'timestamp', ARGV[2], 'data', ARGV[3]) "
    "return redis.call('PUBLISH', 'device:'..ARGV[1]..':metrics', ARGV[4])";

}  // namespace

std::string reported_device(std::size_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012zx", number + 1);
  return text;
}

Reporter::Reporter(std::uint16_t redis_port, std::size_t devices, double rate)
    : devices_(devices), rate_(rate), counts_(std::make_unique<std::atomic<long long>[]>(devices)) {
  for (std::size_t i = 0; i < devices; ++i) counts_[i] = 0;
  thread_ = std::thread([this, redis_port] {
    try {
      run(redis_port);
    } catch (const std::exception& error) {
      failure_ = error.what();
    }
  });
}

Reporter::~Reporter() {
  finish();
}

void Reporter::finish() {
  finishing_ = true;
  if (thread_.joinable()) thread_.join();
}

long long Reporter::total() const {
  long long sum = 0;
  for (std::size_t i = 0; i < devices_; ++i) sum += counts_[i];
  return sum;
}

Reporter::Clock::time_point Reporter::due(std::size_t device, long long number) const {
  const double event = static_cast<double>(number) * static_cast<double>(devices_) + static_cast<double>(device);
  return start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(event / rate_));
}

void Reporter::run(std::uint16_t redis_port) {
  RedisClient redis("127.0.0.1", redis_port);
  const std::string script = redis.command("SCRIPT", "LOAD", kReport).string;
  for (long long number = 0; !finishing_; ++number)
    for (std::size_t device = 0; device < devices_; ++device) {
      const auto wait = std::chrono::ceil<Millis>(due(device, number) - Clock::now());
      if (wait > Millis(0)) pause_for(wait);  // the pace of the load
      const std::string uuid = reported_device(device);
      const std::string time = iso_time(now_ms());
      const std::string metrics = R"({"cpu_usage":12.5,"memory_usage":1048576,"memory_total":4194304,"network_rx":)" +
                                  std::to_string(number) + R"(,"network_tx":20})";
      // Known before it is published: a client may have it before we go on.
      counts_[device] = number + 1;
      redis.command("EVALSHA", script, "0", uuid, time, metrics,
                    R"({"deviceUuid":")" + uuid + R"(","metrics":)" + metrics + R"(,"timestamp":")" + time + "\"}");
    }
}

}  // namespace pulsegate::test
