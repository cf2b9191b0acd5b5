// The subcommands of `pulsegate`, one file each; main parses the command line and calls them. Each returns the exit
// code: 0 clean, 2 configuration, 1 anything else. Standard output is the result, standard error is everything else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bus/recording_writer.hpp"
#include "gateway/commands/options.hpp"
#include "gateway/commands/replay_command.hpp"
#include "gateway/commands/replay_input.hpp"
#include "gateway/config.hpp"

namespace pulsegate::commands {

inline constexpr int kExitClean = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitConfiguration = 2;

// Something that the operator has to change, found out only while starting: exit code 2. One sentence.
class ConfigurationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Serves until SIGTERM or SIGINT. May throw while starting.
// `reload`: called on SIGHUP; empty: SIGHUP ends it, as the system does.
int run_serve(const Config& config, std::function<void()> reload = {});
// Reads the configuration again for SIGHUP, and sets the log's level by it. What else differs from `before` is named in
// the log: it needs a restart. With errors nothing changes, and each is logged.
void reload_settings(const std::vector<Setting>& before, const OptionsResult& now);

// Prints every setting with its origin, or every error. `print_template`: the annotated configuration file instead.
int run_check_config(const OptionsResult& options, bool print_template);
// deploy/pulsegate.conf: every key with its manual, its default commented out.
std::string config_template();
// Every error on standard error, headed by one line. Returns kExitConfiguration.
int print_option_errors(const OptionErrors& errors);

struct DoctorOptions;  // doctor_parts.hpp
// Prints a finding a check: 0 unless something has to be mended. `config`: as of serve.
int run_doctor(const Config& config, const DoctorOptions& options);

// GETs `url` and prints one line: 0 when it answers 200.
int run_health(const std::string& url, Millis timeout);

struct DrainOptions {
  Address admin{"127.0.0.1", 9090};
  std::optional<Millis> wait;  // poll until no client is left, or for so long
};
int run_drain(const DrainOptions& options);

struct WatchOptions {
  std::string url;                    // ws://host:port/api/v1/devices/{uuid}/ws
  std::vector<std::string> channels;  // names, at least one
  bool json = false;                  // one message a line, verbatim
  std::uint64_t count = 0;            // end after so many channel messages; 0: never
  std::string token;                  // sent as `Authorization: Bearer`; empty: none
  ReplayWish replay;                  // of the past, which is then asked for once
};
// A terminal client; ends with 0 on SIGINT.
int run_watch(const WatchOptions& options);

struct RecordOptions {
  std::vector<std::string> devices;   // UUIDs
  std::vector<std::string> patterns;  // of Redis channels, as PSUBSCRIBE takes them
  bool all = false;                   // every device
  bus::RecordingWriterConfig output;
  Millis duration{0};       // end after so long; 0: never
  std::uint64_t count = 0;  // end after so many events; 0: never
};
// Writes what Redis publishes until SIGINT or SIGTERM. `config`: of Redis, and the names of its channels.
int run_record(const Config& config, const RecordOptions& options);

struct ReplayOptions {
  std::vector<std::string> files;    // recordings, together one; "-" is standard input; empty: one of the next two
  bool stream = false;               // the entries of the devices' Redis Streams
  std::string database;              // the devices' rows in this PostgreSQL
  bool to_redis = false;             // either this,
  std::optional<Address> listen;     // or a gateway in this process
  std::string prefix = "replay:";    // in front of the channels in Redis; empty: the live ones
  std::vector<std::string> devices;  // UUIDs; empty: all
  ReplayPoint from, to;
  double speed = 1;  // 0: as fast as possible
  bool loop = false;
  bool step = false;
  bool shift_time = false;
};
// Plays recordings. With `listen` it serves them until SIGINT or SIGTERM. `config`: of Redis, and the names of its
// channels. May throw.
int run_replay(const Config& config, const ReplayOptions& options);

struct InspectOptions {
  std::vector<std::string> files;  // recordings, together one; "-" is standard input
  std::size_t top = 20;            // channels that are shown; 0: all
  bool json = false;
};
// 0 when all of it could be read. May throw.
int run_inspect(const InspectOptions& options);

}  // namespace pulsegate::commands
