// `pulsegate replay`: an input, a player on a thread of its own, and an output; with --listen a whole gateway around
// it.
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "bus/local_bus.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/redis_parts.hpp"
#include "gateway/commands/replay_console.hpp"
#include "gateway/commands/replay_input.hpp"
#include "gateway/commands/replay_outputs.hpp"
#include "gateway/commands/replay_stored.hpp"
#include "gateway/log.hpp"
#include "gateway/server.hpp"
#include "gateway/web/embedded.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::commands {
namespace {

void tell(const std::string& sentence) {
  std::fprintf(stderr, "pulsegate replay: %s\n", sentence.c_str());
}

std::unique_ptr<ReplayInput> make_input(const Config& config, const ReplayOptions& options) {
  if ((options.files.empty() ? 0 : 1) + (options.stream ? 1 : 0) + (options.database.empty() ? 0 : 1) != 1)
    throw ConfigurationError("replay needs either recordings, or --stream, or --database");
  ReplayRange range;
  range.from = options.from;
  range.to = options.to;
  std::vector<proto::DeviceId> devices;
  for (const std::string& text : options.devices) {
    const auto device = proto::DeviceId::parse(text);
    if (!device) throw ConfigurationError("--device must be a UUID, not \"" + text + "\"");
    devices.push_back(*device);
    range.devices.push_back(device->text());
  }
  if (!options.files.empty())
    return std::make_unique<RangeInput>(std::make_unique<RecordingInput>(options.files, tell), std::move(range));
  if (devices.empty()) throw ConfigurationError("with --stream or --database say which devices: --device");
  bus::RedisConfig redis = redis_config(config);
  redis.notice = {};
  return std::make_unique<RangeInput>(
      std::make_unique<StoredInput>(std::move(devices), options.stream
                                                            ? open_streams(config, redis, range.from.time)
                                                            : open_rows(config, options.database, range.from.time)),
      std::move(range));
}

ReplayPace pace_of(const ReplayOptions& options) {
  return {options.speed, options.step, options.loop, options.shift_time};
}

// Blocks what the main thread waits for, in threads that are begun after it.
struct SignalsBlocked {
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  sigset_t before{};
};

int replay_into_redis(const Config& config, const ReplayOptions& options) {
  if (config.redis_sharded)
    throw ConfigurationError(
        "replay publishes with PUBLISH, which sharded subscribers do not hear: not with --redis-sharded on");
  const auto input = make_input(config, options);
  bus::RedisConfig redis = redis_config(config);
  redis.client_name = "pulsegate-replay";
  redis.notice = {};
  asio::io_context io{1};
  std::unique_ptr<RedisOutput> output;
  std::thread playing;
  std::unique_ptr<ReplayPlayer> player;
  {
    const SignalsBlocked blocked;
    output = std::make_unique<RedisOutput>(redis, options.prefix);
    player = std::make_unique<ReplayPlayer>(*input, *output, pace_of(options));
    playing = std::thread([&player] { player->play(); });
  }
  ReplayConsole console(io, *player, options.step, [&io] { io.stop(); });
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const asio::error_code& error, int) {
    if (error) return;
    player->stop();
    output->stop();
  });
  io.run();
  player->stop();
  output->stop();
  playing.join();
  const std::string input_fault = player->status().failure;
  const std::string failure = input_fault.empty() ? output->failure() : input_fault;
  if (failure.empty()) {
    console.say(console.summary() + " published on " +
                (options.prefix.empty() ? "the live channels" : options.prefix + "…"));
    return kExitClean;
  }
  console.say(failure + "; of " + console.summary() + " Redis may have missed the last " +
              std::to_string(output->unanswered()));
  return kExitFailure;
}

// What a gateway needs that shows a recording and nothing else.
Config demo_config(Config config, const Address& listen) {
  config.listen = listen;
  config.health = config.admin = Address{"127.0.0.1", 0};
  config.database.reset();
  config.stream_key.clear();
  config.canary = Millis(0);
  config.auth = "none";
  config.drain_time = Millis(0);
  return config;
}

int replay_into_gateway(const Config& given, const ReplayOptions& options) {
  const Config config = demo_config(given, *options.listen);
  const auto input = make_input(given, options);
  bus::LocalBus bus;
  LocalOutput output(bus);
  ServerParts parts;
  parts.subscriber = [&bus, most = config.max_bus_payload](asio::io_context& io) {
    return bus.make_subscriber(io, most);
  };
  parts.page = web::embedded_page();
  Server server(config, std::move(parts));
  ReplayPlayer player(*input, output, pace_of(options));
  asio::io_context io{1};
  ReplayConsole console(io, player, options.step,
                        [&] { console.say(console.summary() + " played; the gateway goes on, Ctrl-C ends it"); });
  const auto work = asio::make_work_guard(io);
  std::thread playing, showing;
  {
    const SignalsBlocked blocked;
    playing = std::thread([&player] { player.play(); });
    showing = std::thread([&io] { io.run(); });
  }
  tell("begins when the first client subscribes to a device");
  const int result = server.run();
  player.stop();
  bus.stop();
  io.stop();
  playing.join();
  showing.join();
  const std::string failure = player.status().failure;
  if (failure.empty()) return result;
  tell(failure);
  return kExitFailure;
}

}  // namespace

int run_replay(const Config& config, const ReplayOptions& options) {
  if (options.to_redis == options.listen.has_value())
    throw ConfigurationError("replay needs either --to redis or --listen HOST:PORT");
  return options.to_redis ? replay_into_redis(config, options) : replay_into_gateway(config, options);
}

}  // namespace pulsegate::commands
