// `pulsegate record`: subscribes, and leaves the rest to a Recorder and a RecordingWriter.
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include "bus/redis_subscriber.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/record_progress.hpp"
#include "gateway/commands/recorder.hpp"
#include "gateway/commands/redis_parts.hpp"
#include "gateway/commands/watch_view.hpp"
#include "proto/topic.hpp"

namespace pulsegate::commands {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr Millis kTick{200};

proto::Timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// A prefix may hold what means something in a pattern.
std::string literally(const std::string& text) {
  std::string pattern;
  for (const char each : text) {
    if (std::string_view("*?[]\\^").find(each) != std::string_view::npos) pattern += '\\';
    pattern += each;
  }
  return pattern;
}

struct Wanted {
  std::vector<std::string> topics;
  bool patterns = false;
};

// Channels and patterns exclude each other: an event that both match would come twice.
Wanted wanted(const Config& config, const RecordOptions& options) {
  const int kinds = (options.all ? 1 : 0) + (options.devices.empty() ? 0 : 1) + (options.patterns.empty() ? 0 : 1);
  if (kinds != 1) throw ConfigurationError("record needs either --all, or --device, or --pattern");
  if (options.devices.empty()) {
    if (config.redis_sharded)
      throw ConfigurationError("sharded pub/sub has no patterns: name the devices with --device");
    if (!options.all) return {options.patterns, true};
    return {{literally(config.topic_prefix) + "device:*"}, true};
  }
  const proto::ChannelTable channels(config.pass_through);
  const proto::TopicTable table(config.topic_prefix, channels);
  Wanted result;
  for (const std::string& text : options.devices) {
    const auto device = proto::DeviceId::parse(text);
    if (!device) throw ConfigurationError("--device must be a UUID, not \"" + text + "\"");
    for (std::string& topic : table.topics_of(*device)) result.topics.push_back(std::move(topic));
  }
  return result;
}

// Thread: main, which runs the loop. Owner: run_record().
class Recording {
 public:
  Recording(const Config& config, const RecordOptions& options, const Wanted& what, bus::RecordingWriterConfig output)
      : options_(options),
        writer_(std::move(output)),
        subscriber_(make_subscriber(config, what.patterns)),
        recorder_(writer_, *subscriber_, what.topics, options.count, wall_clock,
                  [this](const std::string& text) { say(text); }) {
    subscriber_->start(recorder_);
    subscriber_->subscribe(what.topics);
  }

  int run() {
    signals_.async_wait([this](const asio::error_code& error, int) {
      if (!error) io_.stop();
    });
    tick();
    io_.run();
    subscriber_->stop();
    recorder_.finish();
    const std::string error = writer_.close();
    if (error.empty() || writer_.reader_gone()) {
      if (line_.active()) say(summary());
      return kExitClean;
    }
    say(error + "; " + grouped(writer_.counters().events) +
        " events were taken before, of which the last may be missing");
    return kExitFailure;
  }

 private:
  std::unique_ptr<bus::Subscriber> make_subscriber(const Config& config, bool patterns) {
    bus::RedisConfig redis = redis_config(config);
    redis.client_name = "pulsegate-record";
    redis.patterns = patterns;
    redis.notice = {};
    return subscriber_factory(config, redis)(io_);
  }

  void say(const std::string& text) { line_.say("pulsegate record: " + text); }

  std::string summary() {
    const bus::RecordingCounters counters = writer_.counters();
    std::string text = grouped(counters.events) + " events, " + show_bytes(static_cast<double>(counters.bytes));
    if (counters.file_bytes != counters.bytes)
      text += " (" + show_bytes(static_cast<double>(counters.file_bytes)) + " written)";
    if (counters.lost > 0) text += ", " + grouped(counters.lost) + " LOST";
    return text;
  }

  void tick() {
    if (!writer_.error().empty() || done()) return io_.stop();
    if (line_.active()) {
      const auto rate = static_cast<std::uint64_t>(rate_.update(recorder_.events(), SteadyClock::now()) + 0.5);
      line_.show((recorder_.complete() ? "recording  " : "waiting for Redis  ") + summary() + "  " + grouped(rate) +
                 "/s  " + writer_.path());
    }
    timer_.expires_after(kTick);
    timer_.async_wait([this](const asio::error_code& error) {
      if (!error) tick();
    });
  }

  bool done() const {
    return (options_.duration.count() > 0 && SteadyClock::now() - begin_ >= options_.duration) || recorder_.full();
  }

  const RecordOptions& options_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer timer_{io_};
  StatusLine line_;
  RateMeter rate_;
  bus::RecordingWriter writer_;
  std::unique_ptr<bus::Subscriber> subscriber_;
  Recorder recorder_;
};

}  // namespace

int run_record(const Config& config, const RecordOptions& options) {
  const Wanted what = wanted(config, options);
  bus::RecordingWriterConfig output = options.output;
  output.source = redis_config(config).url.redacted();
  return Recording(config, options, what, std::move(output)).run();
}

}  // namespace pulsegate::commands
