// The command line of pulsegate: which subcommand, with which options. Wiring only.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gateway/commands/command_line.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/doctor_parts.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/log.hpp"
#include "gateway/version.hpp"

namespace {

using namespace pulsegate;
using namespace pulsegate::commands;

OptionsResult options_of(const CLI::App& app, const CommandLine& line) {
  OptionErrors errors = unknown_arguments(app);
  OptionsResult result = resolve_options(line, read_environment(), read_small_file);
  if (errors.empty()) return result;
  if (const auto* more = std::get_if<OptionErrors>(&result)) errors.insert(errors.end(), more->begin(), more->end());
  return errors;
}

bool environment_names_file() {
  const Environment environment = read_environment();
  const auto found = environment.find("PULSEGATE_CONFIG");
  return found != environment.end() && !found->second.empty();
}

int serve(const CLI::App& app, const CommandLine& line) {
  const OptionsResult options = options_of(app, line);
  if (const auto* errors = std::get_if<OptionErrors>(&options)) return print_option_errors(*errors);
  const auto& parsed = std::get<ParsedOptions>(options);
  log::configure(log::find_level(parsed.config.log_level).value_or(log::Level::info),
                 log::find_format(parsed.config.log_format).value_or(log::Format::text));
  log::set_bound(parsed.config.log_client_lines);
  for (const std::string& warning : parsed.warnings) log::warn("config.warning", {{"note", warning}});
  // Without a file there is nothing to read again, and a terminal that hangs up ends it.
  std::function<void()> reload;
  if (!line.config_file.empty() || environment_names_file())
    reload = [&line, before = parsed.settings] {
      reload_settings(before, resolve_options(line, read_environment(), read_small_file));
    };
  return run_serve(parsed.config, std::move(reload));
}

// A validator of CLI11 that reads one of our values: an error sentence, or nothing.
template <typename Read>
std::function<std::string(std::string)> reads(Read read, const char* sentence) {
  return [read, sentence](const std::string& text) { return read(text) ? std::string() : std::string(sentence); };
}

const auto kDuration = reads(read_duration, "must be a duration such as 500ms, 2s or 5m");
const auto kSize = reads(read_size, "must be a size such as 64KiB or 1MiB");

// Each adds one subcommand; `action` is what main runs when it was chosen.
using Action = std::function<int()>;

void add_serve(CLI::App& app, CommandLine& line, Action& action) {
  CLI::App* command = app.add_subcommand("serve", "Serve clients until SIGTERM");
  add_options(*command, line);
  command->callback([&, command] { action = [&, command] { return serve(*command, line); }; });
}

void add_check_config(CLI::App& app, CommandLine& line, bool& print_template, Action& action) {
  CLI::App* command = app.add_subcommand("check-config", "Print what `serve` would use, and where it comes from");
  add_options(*command, line);
  command->add_flag("--print-template", print_template, "Print the annotated configuration file")->group("");
  command->callback(
      [&, command] { action = [&, command] { return run_check_config(options_of(*command, line), print_template); }; });
}

void add_watch(CLI::App& app, WatchOptions& options, Action& action) {
  CLI::App* command = app.add_subcommand("watch", "Show a device's messages in the terminal");
  command->add_option("url", options.url, "WebSocket of the device: ws://host:port/api/v1/devices/{uuid}/ws")
      ->required();
  command->add_option("--channels", options.channels, "Channels, separated by commas [default metrics,history]")
      ->delimiter(',')
      ->type_name("NAMES");
  command->add_flag("--json", options.json, "Print every message as it came, one a line");
  command->add_option("--count", options.count, "End after so many channel messages; 0: never")->type_name("N");
  command->add_option("--token", options.token, "Sent as Authorization: Bearer")
      ->type_name("TOKEN")
      ->envname("PULSEGATE_TOKEN");
  CLI::Option* from = command->add_option("--replay-from", options.replay.from, "First what was since then is replayed")
                          ->type_name("TIME")
                          ->check(check_replay_time);
  command->add_option("--replay-to", options.replay.to, "… until then [default now]")
      ->type_name("TIME")
      ->check(check_replay_time)
      ->needs(from);
  command->add_option("--speed", options.replay.speed, "… at this speed: 0.1 to 1000, or max [default 1]")
      ->type_name("N")
      ->check(check_replay_speed)
      ->needs(from);
  command->callback([&] {
    if (options.channels.empty()) options.channels = {"metrics", "history"};
    action = [&] { return run_watch(options); };
  });
}

// What Redis needs, from flags, variables and file, as `serve` takes it.
int record(const CLI::App& app, const CommandLine& line, const RecordOptions& options) {
  const OptionsResult resolved = options_of(app, line);
  if (const auto* errors = std::get_if<OptionErrors>(&resolved)) return print_option_errors(*errors);
  return run_record(std::get<ParsedOptions>(resolved).config, options);
}

struct RecordTexts {
  std::string rotate_size, rotate_every, duration;
};

void add_record(CLI::App& app, CommandLine& line, RecordOptions& options, RecordTexts& texts, Action& action) {
  CLI::App* command = app.add_subcommand("record", "Write what Redis publishes to a file, one event a line");
  command->add_option("--device", options.devices, "UUID of a device; may be repeated")
      ->type_name("UUID")
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
  command->add_option("--pattern", options.patterns, "Pattern of Redis channels (PSUBSCRIBE); may be repeated")
      ->type_name("PATTERN")
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
  command->add_flag("--all", options.all, "Every device");
  command->add_option("-o,--output", options.output.path, "File, .gz or .zst packed; - for standard output")
      ->type_name("FILE")
      ->required();
  command->add_flag("--append", options.output.append, "Go on in a file that is there; not a packed one");
  command->add_option("--rotate-size", texts.rotate_size, "Begin a new file when one is so large; names get the time")
      ->type_name("SIZE")
      ->check(kSize);
  command->add_option("--rotate-every", texts.rotate_every, "Begin a new file this often")
      ->type_name("DURATION")
      ->check(kDuration);
  command->add_option("--keep", options.output.keep, "With rotation: keep so many files of this run [default 0: all]")
      ->type_name("N");
  command->add_option("--duration", texts.duration, "End after so long")->type_name("DURATION")->check(kDuration);
  command->add_option("--count", options.count, "End after so many events")->type_name("N");
  add_options(*command, line, "Redis");
  command->callback([&, command] {
    action = [&, command] {
      if (!texts.rotate_size.empty()) options.output.rotate_bytes = *read_size(texts.rotate_size);
      if (!texts.rotate_every.empty()) options.output.rotate_after = *read_duration(texts.rotate_every);
      if (!texts.duration.empty()) options.duration = *read_duration(texts.duration);
      return record(*command, line, options);
    };
  });
}

struct ReplayTexts {
  std::string to, listen, prefix, from, to_time, speed = "1";
  bool yes_live = false;
};

// A number of 0.1 to 1000, or "max", which is 0.
std::optional<double> read_speed(const std::string& text) {
  if (text == "max") return 0.0;
  char* end = nullptr;
  const double speed = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(speed >= 0.1 && speed <= 1'000)) return std::nullopt;
  return speed;
}

int replay(const CLI::App& app, const CommandLine& line, ReplayOptions& options, const ReplayTexts& texts) {
  const OptionsResult resolved = options_of(app, line);
  if (const auto* errors = std::get_if<OptionErrors>(&resolved)) return print_option_errors(*errors);
  options.to_redis = texts.to == "redis";
  if (!texts.listen.empty()) options.listen = *read_address(texts.listen);
  if (!texts.prefix.empty()) options.prefix = texts.prefix;
  if (texts.yes_live && !texts.prefix.empty())
    throw ConfigurationError("--yes-live publishes on the live channels: not together with --to-prefix");
  if (texts.yes_live) options.prefix.clear();
  if (!texts.from.empty()) options.from = *read_replay_point(texts.from);
  if (!texts.to_time.empty()) options.to = *read_replay_point(texts.to_time);
  options.speed = *read_speed(texts.speed);
  return run_replay(std::get<ParsedOptions>(resolved).config, options);
}

void add_replay(CLI::App& app, CommandLine& line, ReplayOptions& options, ReplayTexts& texts, Action& action) {
  const auto kPoint =
      reads(read_replay_point, "must be a time such as 2026-11-22T14:05:00Z, or a duration from the beginning");
  CLI::App* command =
      app.add_subcommand("replay", "Play a recording into a Redis, or show it with a gateway of its own");
  command->add_option("files", options.files, "Recordings, played one after the other; - is standard input");
  command->add_flag("--stream", options.stream, "Instead: what the Redis Streams of the devices hold");
  command->add_option("--database", options.database, "Instead: the rows of the devices in this PostgreSQL")
      ->type_name("CONNECTION")
      ->envname("");
  command->add_option("--to", texts.to, "redis: publish there")->type_name("redis")->check(CLI::IsMember({"redis"}));
  command
      ->add_option("--listen", texts.listen, "Serve WebSockets there, without any Redis; begins with the first client")
      ->type_name("HOST:PORT")
      ->check(reads(read_address, "must be HOST:PORT"));
  command->add_option("--to-prefix", texts.prefix, "Put before the channels in Redis [default replay:]")
      ->type_name("TEXT");
  command->add_flag("--yes-live", texts.yes_live, "Publish on the live channels: dashboards will show it");
  command->add_option("--device", options.devices, "UUID of a device; may be repeated [default all]")
      ->type_name("UUID")
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
  command->add_option("--from", texts.from, "Begin there: a time, or a duration from the beginning")
      ->type_name("TIME")
      ->check(kPoint);
  command->add_option("--to-time", texts.to_time, "End before that")->type_name("TIME")->check(kPoint);
  command->add_option("--speed", texts.speed, "0.1 to 1000 times as fast, or max [default 1]")
      ->type_name("N")
      ->check(reads(read_speed, "must be a number from 0.1 to 1000, or max"));
  command->add_flag("--loop", options.loop, "From the beginning again at the end");
  command->add_flag("--step", options.step, "Wait for a key before each event: space for the next, q for the end");
  command->add_flag("--shift-time", options.shift_time, "Timestamps in the events become those of now");
  add_options(*command, line, "Redis");
  command->callback([&, command] { action = [&, command] { return replay(*command, line, options, texts); }; });
}

void add_inspect(CLI::App& app, InspectOptions& options, Action& action) {
  CLI::App* command = app.add_subcommand("inspect", "Say what is in a recording: 0 when all of it can be read");
  command->add_option("files", options.files, "Recordings, read one after the other; - is standard input")->required();
  command->add_option("--top", options.top, "Channels that are shown, those with most events; 0: all [default 20]")
      ->type_name("N");
  command->add_flag("--json", options.json, "All of it as JSON");
  command->callback([&] { action = [&] { return run_inspect(options); }; });
}

struct DoctorTexts {
  std::string device, listen_for = "5s";
};

int doctor(const CLI::App& app, const CommandLine& line, DoctorOptions& options, const DoctorTexts& texts) {
  const OptionsResult resolved = options_of(app, line);
  if (const auto* errors = std::get_if<OptionErrors>(&resolved)) return print_option_errors(*errors);
  log::configure(log::Level::error, log::Format::text);
  if (!texts.device.empty()) options.device = proto::DeviceId::parse(texts.device);
  options.listen_for = *read_duration(texts.listen_for);
  return run_doctor(std::get<ParsedOptions>(resolved).config, options);
}

void add_doctor(CLI::App& app, CommandLine& line, DoctorOptions& options, DoctorTexts& texts, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Look for what is wrong with Redis, PostgreSQL and this machine: 0 when nothing has to be mended");
  command->add_option("--device", texts.device, "UUID of a device: are there rows of it, and does it publish?")
      ->type_name("UUID")
      ->check(reads(proto::DeviceId::parse, "must be a UUID"));
  command->add_option("--listen-for", texts.listen_for, "Listen so long to what the device publishes [default 5s]")
      ->type_name("DURATION")
      ->check(kDuration);
  command->add_flag("--json", options.json, "All of it as JSON");
  add_options(*command, line);
  command->callback([&, command] { action = [&, command] { return doctor(*command, line, options, texts); }; });
}

void add_health(CLI::App& app, std::string& url, std::string& timeout, Action& action) {
  CLI::App* command = app.add_subcommand("health", "Ask a running gateway for its health: 0 when it answers 200");
  command->add_option("url", url, "What to ask [default http://127.0.0.1:9091/readyz]");
  command->add_option("--timeout", timeout, "Longest wait for the answer [default 3s]")
      ->type_name("DURATION")
      ->check(kDuration);
  command->callback([&] { action = [&] { return run_health(url, *read_duration(timeout)); }; });
}

void add_drain(CLI::App& app, std::string& admin, std::string& wait, Action& action) {
  CLI::App* command = app.add_subcommand("drain", "Ask a running gateway to send its clients away; it goes on running");
  command->add_option("--admin", admin, "Its admin port [PULSEGATE_ADMIN, default 127.0.0.1:9090]")
      ->type_name("HOST:PORT")
      ->envname("PULSEGATE_ADMIN")
      ->check(reads(read_address, "must be HOST:PORT"));
  command->add_option("--wait", wait, "Wait until no client is left, for at most so long")
      ->type_name("DURATION")
      ->check(kDuration);
  command->callback([&] {
    action = [&] {
      DrainOptions options;
      if (!admin.empty()) options.admin = *read_address(admin);
      if (!wait.empty()) options.wait = *read_duration(wait);
      return run_drain(options);
    };
  });
}

int run(int argc, char** argv) {
  CLI::App app("Gateway from Redis pub/sub to WebSockets for device dashboards.", "pulsegate");
  app.set_version_flag("--version", std::string("pulsegate ") + kVersion);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  app.footer(
      "Exit codes: 0 clean, 2 configuration, 1 anything else.\n"
      "A flag wins over its variable, a variable over the configuration file.");

  CommandLine serve_line, check_line, record_line, replay_line, doctor_line;
  DoctorOptions doctor;
  DoctorTexts doctor_texts;
  RecordOptions record;
  RecordTexts record_texts;
  ReplayOptions replay;
  ReplayTexts replay_texts;
  InspectOptions inspect;
  WatchOptions watch;
  std::string url = "http://127.0.0.1:9091/readyz", timeout = "3s", admin, wait;
  bool print_template = false;
  Action action;
  add_serve(app, serve_line, action);
  add_check_config(app, check_line, print_template, action);
  add_watch(app, watch, action);
  add_record(app, record_line, record, record_texts, action);
  add_replay(app, replay_line, replay, replay_texts, action);
  add_inspect(app, inspect, action);
  add_doctor(app, doctor_line, doctor, doctor_texts, action);
  add_health(app, url, timeout, action);
  add_drain(app, admin, wait, action);
  app.add_subcommand("version", "Print the version")->callback([&] {
    action = [] { return std::printf("pulsegate %s\n", kVersion) < 0 ? kExitFailure : kExitClean; };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    // The library's message would show the arguments themselves.
    for (const std::string& error : unknown_arguments(app)) std::fprintf(stderr, "pulsegate: %s\n", error.c_str());
    std::fputs("Run with --help for more information.\n", stderr);
    return kExitConfiguration;
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault) == 0 ? kExitClean : kExitConfiguration;  // --help and --version come this way too
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ConfigurationError& fault) {
    std::fprintf(stderr, "pulsegate: %s\n", fault.what());
    return kExitConfiguration;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "pulsegate: %s\n", fault.what());
    return kExitFailure;
  }
}
