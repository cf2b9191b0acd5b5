// What a fleet of gateways costs and how soon it is itself again; starts its own Redis and gateways
// ($PULSEGATE_BINARY).
//
//   build/tests/bench/scale_out [--devices N] [--rounds N] [--rate N] [--seconds N]
//
// First: one replica with that many devices subscribed, on sockets of 256 devices; Redis is killed and started again,
// and the time counts from when it accepts connections until the last channel is confirmed. Then: 1, 2 and 4 replicas,
// each with a client of every one of 100 devices; each replica's own CPU time per event it has received.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/gateway_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/wall_clock.hpp"

namespace {

using namespace pulsegate::test;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kDevicesPerSocket = 256;
constexpr std::size_t kReplicaDevices = 100;
constexpr Millis kPatience{60'000};

struct Options {
  std::size_t devices = 100'000;
  int rounds = 3;
  int rate = 2'000;  // events a second
  int seconds = 10;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    const long value = i + 1 < argc ? std::atol(argv[i + 1]) : 0;
    if (value <= 0) throw std::invalid_argument("no positive number: " + flag);
    if (flag == "--devices") {
      options.devices = static_cast<std::size_t>(value);
    } else if (flag == "--rounds") {
      options.rounds = static_cast<int>(value);
    } else if (flag == "--rate") {
      options.rate = static_cast<int>(value);
    } else if (flag == "--seconds") {
      options.seconds = static_cast<int>(value);
    } else {
      throw std::invalid_argument("unknown option: " + flag);
    }
  }
  return options;
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string device_number(std::size_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012zu", number);
  return text;
}

// As the API server publishes it.
std::string report(const std::string& device, int cpu) {
  return R"({"deviceUuid":")" + device + R"(","metrics":{"cpu_usage":)" + std::to_string(cpu) +
         R"(,"memory_usage":8589934592,"memory_total":17179869184,"network_rx":12.5,"network_tx":3.25},"timestamp":")" +
         iso_time(now_ms()) + R"("})";
}

// CPU time of a process, all its threads, in microseconds.
double cpu_us(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  unsigned long user = 0, system = 0;
  const std::string fields = text.substr(text.rfind(')') + 2);
  if (std::sscanf(fields.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    throw std::runtime_error("no CPU time of the gateway");
  return static_cast<double>(user + system) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Reads what clients get, so that none of them is slow.
class Readers {
 public:
  explicit Readers(std::vector<WsClient>& clients)
      : thread_([this, &clients] {
          while (!done_) {
            for (WsClient& client : clients)
              while (client.receive(Millis(0))) ++received_;
            std::this_thread::sleep_for(Millis(2));
          }
        }) {}
  ~Readers() {
    done_ = true;
    thread_.join();
  }
  std::uint64_t received() const { return received_; }

 private:
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> received_{0};
  std::thread thread_;
};

void require(bool held, const char* what, const GatewayProcess& gateway) {
  if (held) return;
  const std::string logs = gateway.logs();
  throw std::runtime_error(std::string(what) + "; the gateway said last:\n" +
                           logs.substr(logs.size() - std::min<std::size_t>(logs.size(), 2'000)));
}

std::string subscription(std::size_t begin, std::size_t end) {
  std::string text = R"({"type":"subscribe","channels":["metrics"],"deviceUuids":[)";
  for (std::size_t i = begin; i < end; ++i) text += (i > begin ? ",\"" : "\"") + device_number(i) + "\"";
  return text + "]}";
}

void resubscription(const Options& options) {
  RedisServer redis;
  redis.start();
  const GatewayProcess gateway({"--redis", redis.url(), "--database", "none", "--auth", "none", "--connect-rate", "0",
                                "--max-connections-per-address", "0"});
  std::vector<WsClient> clients;
  for (std::size_t i = 0; i < options.devices; i += kDevicesPerSocket) clients.push_back(gateway.open("/api/v1/ws", without_contract()));
  const Readers readers(clients);
  const auto topics = static_cast<double>(3 * options.devices);
  const auto confirmed = [&] { return gateway.metric("pulsegate_bus_topics_confirmed") >= topics; };
  Clock::time_point begin = Clock::now();
  for (std::size_t i = 0; i < clients.size(); ++i)
    require(clients[i].send_text(
                subscription(i * kDevicesPerSocket, std::min((i + 1) * kDevicesPerSocket, options.devices))),
            "a client is gone", gateway);
  require(eventually(confirmed, kPatience, Millis(20)), "not all devices were subscribed", gateway);
  std::printf("%zu devices (%.0f channels) on %zu sockets: subscribed after %.2f s; RSS %zu MiB\n", options.devices,
              topics, clients.size(), seconds_since(begin), gateway.rss_kib() / 1024);
  for (int round = 0; round < options.rounds; ++round) {
    redis.kill();
    require(eventually([&] { return !confirmed(); }, kPatience), "the loss of Redis was not noticed", gateway);
    begin = Clock::now();
    redis.start();
    const double started = seconds_since(begin);
    require(eventually(confirmed, kPatience, Millis(20)), "not all devices were resubscribed", gateway);
    const double took = seconds_since(begin) - started;
    std::size_t heard = 0;
    RedisClient client = redis.client();
    for (std::size_t i = 0; i < options.devices; i += 97)
      heard += static_cast<std::size_t>(
          client.publish("device:" + device_number(i) + ":metrics", report(device_number(i), 1)));
    std::printf(
        "Redis killed and started again: all resubscribed %.2f s after it accepts connections (wanted: 5); "
        "%zu of %zu events published then were taken\n",
        took, heard, (options.devices + 96) / 97);
  }
}

double replicas(const Options& options, std::size_t count) {
  RedisServer redis;
  redis.start();
  std::vector<std::unique_ptr<GatewayProcess>> gateways;
  std::vector<WsClient> clients;
  for (std::size_t i = 0; i < count; ++i) {
    gateways.push_back(std::make_unique<GatewayProcess>(std::vector<std::string>{
        "--redis", redis.url(), "--database", "none", "--auth", "none", "--max-connections-per-address", "0"}));
    for (std::size_t device = 0; device < kReplicaDevices; ++device) {
      clients.push_back(gateways.back()->open_device(device_number(device), without_contract()));
      clients.back().subscribe({"metrics"});
      clients.back().expect("subscribed");
    }
  }
  const Readers readers(clients);
  RedisClient publisher = redis.client();
  const int total = options.rate * options.seconds;
  std::vector<double> before(count);
  for (std::size_t i = 0; i < count; ++i) before[i] = cpu_us(gateways[i]->pid());
  const auto seen = [&] { return gateways.back()->metric_sum("pulsegate_events_total"); };
  const double first = seen();
  const Clock::time_point begin = Clock::now();
  for (int event = 0; event < total; ++event) {
    const std::string device = device_number(static_cast<std::size_t>(event) % kReplicaDevices);
    std::this_thread::sleep_until(begin + event * std::chrono::nanoseconds(1'000'000'000 / options.rate));
    publisher.publish("device:" + device + ":metrics", report(device, event % 100));
  }
  require(eventually([&] { return seen() - first >= total; }, kPatience), "events are missing", *gateways.back());
  double sum = 0, least = 1e9, most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double each = (cpu_us(gateways[i]->pid()) - before[i]) / total;
    sum += each;
    least = std::min(least, each);
    most = std::max(most, each);
  }
  std::printf(
      "%zu replica%s: %.1f us of a replica's CPU per event it delivers to one client (%.1f to %.1f); "
      "%d events a second for %d s\n",
      count, count == 1 ? "" : "s", sum / static_cast<double>(count), least, most, options.rate, options.seconds);
  return sum / static_cast<double>(count);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    resubscription(options);
    const double alone = replicas(options, 1);
    for (const std::size_t count : {2, 4})
      std::printf("  that is %.2f times the cost with one\n", replicas(options, count) / alone);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "scale_out: %s\n", error.what());
    return 1;
  }
}
