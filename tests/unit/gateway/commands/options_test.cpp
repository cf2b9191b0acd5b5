// Where settings come from, who wins, what is refused, and that one run finds every error.
#include "gateway/commands/options.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "gateway/commands/option_table.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;
using namespace std::chrono_literals;

namespace {

// What an operator would have: arguments, variables, files.
struct Sources {
  std::vector<std::string> args;
  Environment environment;
  std::map<std::string, std::string> files;

  OptionsResult parse() const {
    return parse_options(args, environment, [this](const std::string& path, std::string& error) {
      const auto found = files.find(path);
      if (found != files.end()) return std::optional<std::string>(found->second);
      error = "No such file or directory";
      return std::optional<std::string>();
    });
  }

  ParsedOptions good() const {
    const OptionsResult result = parse();
    if (const auto* errors = std::get_if<OptionErrors>(&result))
      for (const std::string& error : *errors) BOOST_ERROR("unexpected: " << error);
    BOOST_REQUIRE(std::holds_alternative<ParsedOptions>(result));
    return std::get<ParsedOptions>(result);
  }

  OptionErrors errors() const {
    const OptionsResult result = parse();
    return std::holds_alternative<OptionErrors>(result) ? std::get<OptionErrors>(result) : OptionErrors{};
  }
};

Config config_of(std::vector<std::string> args) {
  return Sources{std::move(args), {}, {}}.good().config;
}

// The one error of a command line; empty when there is none or more than one.
std::string error_of(std::vector<std::string> args) {
  const OptionErrors errors = Sources{std::move(args), {}, {}}.errors();
  BOOST_TEST(errors.size() == 1u);
  return errors.size() == 1 ? errors[0] : "";
}

Sources with_file(const std::string& text) {
  return {{"--config", "p.conf"}, {}, {{"p.conf", text}}};
}

const Setting& setting(const ParsedOptions& options, const std::string& key) {
  const auto found = std::find_if(options.settings.begin(), options.settings.end(),
                                  [&](const Setting& each) { return each.key == key; });
  BOOST_REQUIRE(found != options.settings.end());
  return *found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Options)

BOOST_AUTO_TEST_CASE(a_toggle_stands_without_a_value) {
  BOOST_TEST(!config_of({}).no_dashboard);
  const Config config = config_of({"--no-dashboard", "--listen", "127.0.0.1:1"});
  BOOST_TEST(config.no_dashboard);
  BOOST_TEST(config.listen.port == 1);
  BOOST_TEST((Sources{{}, {{"PULSEGATE_NO_DASHBOARD", "on"}}, {}}.good().config.no_dashboard));
  BOOST_TEST(with_file("no-dashboard = on\n").good().config.no_dashboard);
  BOOST_TEST((!Sources{{"--no-dashboard=off"}, {{"PULSEGATE_NO_DASHBOARD", "on"}}, {}}.good().config.no_dashboard));
  BOOST_TEST(error_of({"--no-dashboard", "--no-dashboard"}).find("has set already") != std::string::npos);
  BOOST_TEST(error_of({"--no-dashboard", "yes"}).find("an argument belongs to no flag") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_given_is_the_default) {
  const ParsedOptions options = Sources{}.good();
  for (const Setting& each : options.settings) BOOST_TEST(each.origin == "default");
  BOOST_TEST(options.config.listen.port == 8080);
  BOOST_TEST(!options.config.database.has_value());
  BOOST_TEST(options.warnings.empty());
}

BOOST_AUTO_TEST_CASE(every_flag_reaches_its_field) {
  const Config config = config_of({"--listen",
                                   ":1",
                                   "--health",
                                   "[::1]:2",
                                   "--admin",
                                   "127.0.0.1:3",
                                   "--shards",
                                   "4",
                                   "--redis",
                                   "redis://10.0.0.1:7000/1",
                                   "--topic-prefix",
                                   "tenant:{acme}:",
                                   "--stream-key",
                                   "m:{uuid}",
                                   "--channel",
                                   "logs",
                                   "--channel",
                                   "events",
                                   "--database",
                                   "host=db dbname=iot",
                                   "--sql-profile",
                                   "devices-table",
                                   "--database-threads",
                                   "8",
                                   "--snapshot-queue",
                                   "16",
                                   "--snapshot-lease",
                                   "3s",
                                   "--statement-timeout",
                                   "4s",
                                   "--linger",
                                   "1m",
                                   "--row-lag",
                                   "20s",
                                   "--stale-after",
                                   "45s",
                                   "--reread",
                                   "10m",
                                   "--gap-tolerance",
                                   "250ms",
                                   "--history-points",
                                   "60",
                                   "--history-min-interval",
                                   "2s",
                                   "--refresh",
                                   "history=10s",
                                   "--refresh",
                                   "processes=0",
                                   "--repair-rate",
                                   "12.5",
                                   "--resume-events",
                                   "128",
                                   "--resume-bytes",
                                   "192KiB",
                                   "--resume-memory",
                                   "1GiB",
                                   "--resume-hold",
                                   "3s",
                                   "--tail-check",
                                   "1m",
                                   "--time-zone",
                                   "Europe/Berlin",
                                   "--history-time",
                                   "iso",
                                   "--legacy-history",
                                   "append",
                                   "--max-devices",
                                   "5",
                                   "--max-fleet-devices",
                                   "7",
                                   "--max-connections",
                                   "6",
                                   "--max-message-size",
                                   "8KiB",
                                   "--max-bus-payload",
                                   "128KiB",
                                   "--command-rate",
                                   "2.5",
                                   "--command-burst",
                                   "10",
                                   "--handshake-timeout",
                                   "1s",
                                   "--ping-interval",
                                   "10s",
                                   "--idle-timeout",
                                   "30s",
                                   "--conflate-above",
                                   "32KiB",
                                   "--close-above",
                                   "512KiB",
                                   "--stalled-after",
                                   "5s",
                                   "--drain-time",
                                   "1m",
                                   "--drain-delay",
                                   "3s",
                                   "--max-connection-age",
                                   "1h",
                                   "--readiness",
                                   "basic",
                                   "--canary",
                                   "2s",
                                   "--log-format",
                                   "json",
                                   "--log-level",
                                   "debug",
                                   "--auth",
                                   "none"});
  BOOST_TEST(config.listen.host == "0.0.0.0");
  BOOST_TEST(config.listen.port == 1);
  BOOST_TEST(config.health.host == "::1");
  BOOST_TEST(config.admin.port == 3);
  BOOST_TEST(config.shards == 4u);
  BOOST_TEST(config.redis == "redis://10.0.0.1:7000/1");
  BOOST_TEST(config.topic_prefix == "tenant:{acme}:");
  BOOST_TEST(config.stream_key == "m:{uuid}");
  BOOST_TEST((config.pass_through == std::vector<std::string>{"logs", "events"}));
  BOOST_TEST(config.database.value() == "host=db dbname=iot");
  BOOST_TEST(config.sql_profile == "devices-table");
  BOOST_TEST(config.database_threads == 8u);
  BOOST_TEST(config.snapshot_queue == 16u);
  BOOST_TEST((config.snapshot_lease == 3s));
  BOOST_TEST((config.statement_timeout == 4s));
  BOOST_TEST((config.linger == 1min));
  BOOST_TEST((config.row_lag == 20s));
  BOOST_TEST((config.stale_after == 45s));
  BOOST_TEST((config.reread == 10min));
  BOOST_TEST((config.gap_tolerance == 250ms));
  BOOST_TEST(config.history_points == 60u);
  BOOST_TEST((config.history_min_interval == 2s));
  BOOST_TEST((config.refresh.at("history") == 10s));
  BOOST_TEST((config.refresh.at("processes") == 0s));
  BOOST_TEST((config.refresh.at("system-info") == 30s));
  BOOST_TEST(config.repair_rate == 12.5);
  BOOST_TEST(config.resume_events == 128u);
  BOOST_TEST(config.resume_bytes == 192u * 1024);
  BOOST_TEST(config.resume_memory == 1024u * 1024 * 1024);
  BOOST_TEST((config.resume_hold == 3s));
  BOOST_TEST((config.tail_check == 1min));
  BOOST_TEST(config.time_zone == "Europe/Berlin");
  BOOST_TEST(config.history_time_iso);
  BOOST_TEST(config.legacy_append);
  BOOST_TEST(config.max_devices == 5u);
  BOOST_TEST(config.max_fleet_devices == 7u);
  BOOST_TEST(config.max_connections == 6u);
  BOOST_TEST(config.max_message_size == 8u * 1024);
  BOOST_TEST(config.max_bus_payload == 128u * 1024);
  BOOST_TEST(config.command_rate == 2.5);
  BOOST_TEST(config.command_burst == 10.0);
  BOOST_TEST((config.handshake_timeout == 1s));
  BOOST_TEST((config.ping_interval == 10s));
  BOOST_TEST((config.idle_timeout == 30s));
  BOOST_TEST(config.conflate_above == 32u * 1024);
  BOOST_TEST(config.close_above == 512u * 1024);
  BOOST_TEST((config.stalled_after == 5s));
  BOOST_TEST((config.drain_time == 1min));
  BOOST_TEST((config.drain_delay == 3s));
  BOOST_TEST((config.max_connection_age == 1h));
  BOOST_TEST(config.readiness == "basic");
  BOOST_TEST((config.canary == 2s));
  BOOST_TEST(config.log_format == "json");
  BOOST_TEST(config.log_level == "debug");
  BOOST_TEST(config.auth == "none");
}

BOOST_AUTO_TEST_CASE(a_value_may_follow_an_equals_sign) {
  BOOST_TEST(config_of({"--listen=[::1]:0"}).listen.host == "::1");
  BOOST_TEST(config_of({"--database=host=db dbname=iot"}).database.value() == "host=db dbname=iot");
}

BOOST_AUTO_TEST_CASE(a_flag_wins_over_a_variable_and_a_variable_over_the_file) {
  Sources sources = with_file("shards = 2\nlinger = 2s\nreread = 2s\n");
  sources.environment = {{"PULSEGATE_SHARDS", "3"}, {"PULSEGATE_LINGER", "3s"}};
  sources.args.insert(sources.args.end(), {"--shards", "4"});
  const ParsedOptions options = sources.good();
  BOOST_TEST(options.config.shards == 4u);
  BOOST_TEST((options.config.linger == 3s));
  BOOST_TEST((options.config.reread == 2s));
  BOOST_TEST(setting(options, "shards").origin == "--shards");
  BOOST_TEST(setting(options, "linger").origin == "PULSEGATE_LINGER");
  BOOST_TEST(setting(options, "reread").origin == "p.conf:3");
  BOOST_TEST(setting(options, "row-lag").origin == "default");
}

BOOST_AUTO_TEST_CASE(the_highest_source_decides_a_list_alone) {
  Sources sources = with_file("channel = one\nchannel = two\nrefresh = history=1s\n");
  BOOST_TEST((sources.good().config.pass_through == std::vector<std::string>{"one", "two"}));
  sources.environment = {{"PULSEGATE_CHANNEL", "three, four"}, {"PULSEGATE_REFRESH", "processes=2s"}};
  const Config config = sources.good().config;
  BOOST_TEST((config.pass_through == std::vector<std::string>{"three", "four"}));
  BOOST_TEST((config.refresh.at("processes") == 2s));
  BOOST_TEST((config.refresh.at("history") == 30s));
}

BOOST_AUTO_TEST_CASE(an_empty_variable_or_key_is_as_if_it_were_not_there) {
  Sources sources = with_file("linger =\nredis-file =\n");
  sources.environment = {{"PULSEGATE_SHARDS", ""}, {"PULSEGATE_CONFIG", ""}};
  const ParsedOptions options = sources.good();
  BOOST_TEST(setting(options, "shards").origin == "default");
  BOOST_TEST(setting(options, "linger").origin == "default");
}

BOOST_AUTO_TEST_CASE(a_variable_may_name_the_file) {
  Sources sources{{}, {{"PULSEGATE_CONFIG", "q.conf"}}, {{"q.conf", "shards = 7\n"}}};
  BOOST_TEST(sources.good().config.shards == 7u);
  sources.args = {"--config", "r.conf"};
  sources.files["r.conf"] = "shards = 8\n";
  BOOST_TEST(sources.good().config.shards == 8u);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error) {
  BOOST_TEST(error_of({"--config", "gone.conf"}) == "--config: cannot read gone.conf: No such file or directory");
}

BOOST_AUTO_TEST_CASE(every_error_is_found_at_once_and_says_where_it_stands) {
  Sources sources = with_file("# comment\nlisen = :1\nshards = 0\njust words\n");
  sources.environment = {{"PULSEGATE_LINGER", "5"}};
  sources.args.insert(sources.args.end(), {"--log-level", "loud", "--unknown", "--time-zone", "Mars/Olympus"});
  const OptionErrors errors = sources.errors();
  const auto has = [&](const std::string& start) {
    return std::any_of(errors.begin(), errors.end(),
                       [&](const std::string& error) { return error.compare(0, start.size(), start) == 0; });
  };
  for (const std::string& error : errors) BOOST_TEST_MESSAGE(error);
  BOOST_TEST(errors.size() == 7u);
  BOOST_TEST(has("p.conf:2: unknown key \"lisen\"; did you mean \"listen\"?"));
  BOOST_TEST(has("p.conf:3: shards \"0\" must be a whole number from 1 to 64"));
  BOOST_TEST(has("p.conf:4: expected key = value"));
  BOOST_TEST(has("PULSEGATE_LINGER: \"5\" must be a duration"));
  BOOST_TEST(has("--log-level: \"loud\" must be one of trace, debug, info, warn, error"));
  BOOST_TEST(has("unknown argument --unknown"));
  BOOST_TEST(has("--time-zone: "));
}

BOOST_AUTO_TEST_CASE(an_unknown_flag_gets_a_suggestion) {
  BOOST_TEST(error_of({"--lisen=:1"}) == "unknown argument --lisen; did you mean --listen?");
  BOOST_TEST(error_of({"--zzzzzzzzzz"}) == "unknown argument --zzzzzzzzzz");
}

BOOST_AUTO_TEST_CASE(what_may_be_a_secret_is_not_shown_where_its_flag_is_unknown) {
  const std::string hidden = "an argument belongs to no flag; it is not shown, since it may be a secret";
  BOOST_TEST(error_of({"redis://:hunter2@h"}) == hidden);
  BOOST_TEST(error_of({"-"}) == hidden);
  BOOST_TEST(error_of({"-phunter2"}) == "unknown argument -p");
  BOOST_TEST(error_of({"--rediss=redis://:hunter2@h"}) == "unknown argument --rediss; did you mean --redis?");
  Sources sources;
  sources.args.insert(sources.args.end(), {"--rediss", "redis://:hunter2@h"});
  for (const std::string& error : sources.errors()) BOOST_TEST(error.find("hunter2") == std::string::npos, error);
}

BOOST_AUTO_TEST_CASE(a_flag_without_a_value_is_an_error) {
  BOOST_TEST(error_of({"--shards"}).find("--shards") != std::string::npos);
  BOOST_TEST(error_of({"--shards", "--linger=1s"}) == "--shards: needs a value, but another flag follows");
}

BOOST_AUTO_TEST_CASE(a_single_value_is_given_once_per_source) {
  BOOST_TEST(error_of({"--shards", "1", "--shards", "2"}) ==
             "--shards: shards sets what --shards (shards) has set already");
  const OptionErrors errors = with_file("shards = 1\nlinger = 1s\nshards = 2\n").errors();
  BOOST_REQUIRE(errors.size() == 1u);
  BOOST_TEST(errors[0] == "p.conf:3: shards sets what p.conf:1 (shards) has set already");
}

BOOST_AUTO_TEST_CASE(a_value_that_is_overruled_must_be_good_too) {
  Sources sources = with_file("shards = many\n");
  sources.args.insert(sources.args.end(), {"--shards", "2"});
  BOOST_REQUIRE(sources.errors().size() == 1u);
  BOOST_TEST(sources.errors()[0] == "p.conf:1: shards \"many\" must be a whole number from 1 to 64");
}

BOOST_AUTO_TEST_CASE(an_empty_flag_sets_an_empty_text) {
  Sources sources{{"--topic-prefix", ""}, {{"PULSEGATE_TOPIC_PREFIX", "x:"}}, {}};
  BOOST_TEST(sources.good().config.topic_prefix == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(OptionBounds)

// Each row: a flag, values at its bounds, values just outside.
BOOST_AUTO_TEST_CASE(values_at_a_bound_are_taken_and_those_beyond_are_not) {
  struct Row {
    const char* flag;
    std::vector<std::string> good, bad;
  };
  const std::vector<Row> rows = {
      {"--shards", {"1", "64"}, {"0", "65", "-1", "1.5", "two"}},
      {"--database-threads", {"1", "64"}, {"0", "65"}},
      {"--snapshot-queue", {"1", "1000000"}, {"0", "1000001"}},
      {"--snapshot-lease", {"10ms", "5m"}, {"9ms", "301s", "0"}},
      {"--statement-timeout", {"10ms", "10m"}, {"0", "11m"}},
      {"--linger", {"0", "24h"}, {"-1s", "25h", "5"}},
      {"--row-lag", {"0", "1h"}, {"61m"}},
      {"--stale-after", {"0", "500ms", "24h"}, {"25h", "15"}},
      {"--reread", {"0", "24h"}, {"25h"}},
      {"--gap-tolerance", {"0", "1m"}, {"61s"}},
      {"--history-points", {"1", "2000"}, {"0", "2001"}},
      {"--history-min-interval", {"0", "1h"}, {"2h"}},
      {"--repair-rate", {"1", "2.5", "1000000"}, {"0", "-1", "nan", "5e1", "many"}},
      {"--resume-events", {"1", "10000"}, {"0", "10001"}},
      {"--resume-bytes", {"1KiB", "511KiB"}, {"1023", "65MiB", "128"}},
      {"--resume-memory", {"1MiB", "64GiB"}, {"1023KiB", "65GiB"}},
      {"--resume-hold", {"0", "1m"}, {"61s", "5"}},
      {"--tail-check", {"0", "24h"}, {"25h", "30"}},
      {"--max-devices", {"1"}, {"0", "10000001"}},
      {"--max-fleet-devices", {"1", "4096"}, {"0", "4097"}},
      {"--max-connections", {"1"}, {"0", "10000001"}},
      {"--max-message-size", {"128", "16MiB"}, {"127", "17MiB", "1KB"}},
      {"--max-bus-payload", {"1KiB", "1023KiB"}, {"1023", "65MiB"}},
      {"--command-rate", {"0.1", "1000000"}, {"0", "0.09"}},
      {"--command-burst", {"1"}, {"0.5"}},
      {"--handshake-timeout", {"100ms", "5m"}, {"99ms", "6m"}},
      {"--ping-interval", {"100ms", "54s"}, {"99ms", "2h"}},
      {"--idle-timeout", {"26s", "2h"}, {"199ms", "3h"}},
      {"--conflate-above", {"1KiB", "512KiB"}, {"1023", "2GiB"}},
      {"--close-above", {"257KiB", "1GiB"}, {"1023", "2GiB"}},
      {"--stalled-after", {"1s", "1h"}, {"999ms", "2h"}},
      {"--drain-time", {"0", "1h"}, {"2h", "-1s"}},
      {"--drain-delay", {"0", "10m"}, {"11m", "5"}},
      {"--readiness", {"canary", "basic"}, {"Basic", "none", ""}},
      {"--canary", {"off", "200ms", "1h"}, {"0", "199ms", "2h", "on", "5"}},
      {"--max-connection-age", {"0", "720h"}, {"721h", "off"}},
      {"--log-format", {"text", "json"}, {"xml", "JSON", ""}},
      {"--log-level", {"trace", "debug", "info", "warn", "error"}, {"warning", ""}},
      {"--auth", {"none"}, {"jwt", ""}},
      {"--history-time", {"clock", "iso"}, {"ISO", ""}},
      {"--legacy-history", {"replace", "append"}, {"Append", ""}},
      {"--sql-profile", {"guide", "devices-table"}, {"other"}},
      {"--listen", {":1", "[::1]:0"}, {"8080", ""}},
  };
  for (const Row& row : rows) {
    for (const std::string& value : row.good) {
      const OptionErrors errors = Sources{{std::string(row.flag) + "=" + value}, {}, {}}.errors();
      BOOST_TEST(errors.empty(), row.flag << " " << value << ": " << (errors.empty() ? "" : errors[0]));
    }
    for (const std::string& value : row.bad) {
      const OptionErrors errors = Sources{{row.flag, value}, {}, {}}.errors();
      BOOST_REQUIRE_MESSAGE(errors.size() == 1u, row.flag << " " << value << ": " << errors.size() << " errors");
      BOOST_TEST(errors[0].find(std::string(row.flag) + ": ") == 0u, errors[0]);
    }
  }
}

BOOST_AUTO_TEST_CASE(refresh_names_a_channel_and_a_duration) {
  BOOST_TEST(error_of({"--refresh", "history"}).find("CHANNEL=DURATION") != std::string::npos);
  BOOST_TEST(error_of({"--refresh", "history=5"}).find("CHANNEL=DURATION") != std::string::npos);
  BOOST_TEST(error_of({"--refresh", "metrics=5s"}).find("names a channel that is not refreshed") != std::string::npos);
  BOOST_TEST(error_of({"--refresh", "history=500ms"}).find("at least 1s") != std::string::npos);
  BOOST_TEST(error_of({"--refresh", "history=25h"}).find("at most 24h") != std::string::npos);
  const Config config = config_of({"--refresh", "history=0, processes=2s"});
  BOOST_TEST((config.refresh.at("history") == 0s));
  BOOST_TEST((config.refresh.at("processes") == 2s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(OptionChecks)

BOOST_AUTO_TEST_CASE(the_idle_timeout_is_longer_than_the_ping_interval) {
  BOOST_TEST(error_of({"--idle-timeout", "20s"}) ==
             "--idle-timeout: 20s must be longer than the ping interval (25s, --ping-interval (default))");
  BOOST_TEST(
      error_of({"--ping-interval", "55s"}).find("must be longer than the ping interval (55s, --ping-interval)") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(conflation_begins_before_the_close) {
  BOOST_TEST(error_of({"--conflate-above", "1MiB"}).find("--conflate-above: 1MiB must be less than close-above") == 0u);
  BOOST_TEST(error_of({"--close-above", "192KiB", "--resume-bytes", "64KiB"})
                 .find("--max-bus-payload (default): 256KiB must be less than") == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_device_remembers_fits_the_backlog_of_a_client_and_the_memory_of_all) {
  BOOST_TEST(
      error_of({"--resume-bytes", "512KiB"}) ==
      "--resume-bytes: 512KiB must be less than half of close-above (1MiB, --close-above (default)), else what a "
      "client missed would end its session");
  BOOST_TEST(Sources({{"--resume-bytes", "511KiB"}, {}, {}}).errors().empty());
  BOOST_TEST(error_of({"--resume-bytes", "2MiB", "--close-above", "8MiB", "--resume-memory", "1MiB"}) ==
             "--resume-bytes: 2MiB must be at most resume-memory (1MiB, --resume-memory)");
  // Both are told at once, with whatever else is wrong.
  BOOST_TEST((Sources{{"--resume-bytes", "2MiB", "--resume-memory", "1MiB", "--resume-hold", "soon"}, {}, {}}
                  .errors()
                  .size()) == 3u);
}

BOOST_AUTO_TEST_CASE(a_check_is_silent_about_values_that_were_refused) {
  BOOST_TEST(error_of({"--ping-interval", "90"}).find("--ping-interval: \"90\" must be a duration") == 0u);
  BOOST_TEST(error_of({"--conflate-above", "tiny", "--close-above", "300KiB"}).find("--conflate-above") == 0u);
}

BOOST_AUTO_TEST_CASE(ports_differ) {
  BOOST_TEST(error_of({"--listen", ":9091"}).find("0.0.0.0:9091 is also the port of --listen") != std::string::npos);
  BOOST_TEST(error_of({"--admin", "127.0.0.1:9091"}).find("is also the port of") != std::string::npos);
  BOOST_TEST(error_of({"--admin", "127.0.0.1:8080"}).find("is also the port of --listen") != std::string::npos);
  config_of({"--listen", "127.0.0.2:9090"});                                  // other addresses, same port
  config_of({"--listen", ":0", "--health", ":0", "--admin", "127.0.0.1:0"});  // the system chooses
}

BOOST_AUTO_TEST_CASE(the_redis_url_is_checked_without_repeating_it) {
  const std::string error = error_of({"--redis", "http://user:hunter2@host"});
  BOOST_TEST(error.find("--redis: ") == 0u);
  BOOST_TEST(error.find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(tls_files_of_redis_go_together_and_with_a_url_that_uses_them) {
  const Config config = config_of({"--redis", "rediss://h", "--redis-ca", "/ca", "--redis-cert", "/c", "--redis-key",
                                   "/k", "--redis-server-name", "redis.example.org"});
  BOOST_TEST(config.redis_ca == "/ca");
  BOOST_TEST(config.redis_cert == "/c");
  BOOST_TEST(config.redis_key == "/k");
  BOOST_TEST(config.redis_server_name == "redis.example.org");
  BOOST_TEST(error_of({"--redis", "rediss://h", "--redis-cert", "/c"}).find("--redis-cert: ") == 0u);
  BOOST_TEST(error_of({"--redis", "rediss://h", "--redis-key", "/k"}).find("--redis-key: ") == 0u);
  BOOST_TEST(error_of({"--redis", "redis://h", "--redis-ca", "/ca"}).find("--redis-ca: ") == 0u);
}

BOOST_AUTO_TEST_CASE(sharded_pub_sub_takes_a_cluster) {
  BOOST_TEST(config_of({"--redis", "redis-cluster://h1,h2", "--redis-sharded", "on"}).redis_sharded);
  BOOST_TEST(!config_of({"--redis", "redis-cluster://h1"}).redis_sharded);
  BOOST_TEST(error_of({"--redis", "redis://h", "--redis-sharded", "on"}).find("--redis-sharded: ") == 0u);
}

BOOST_AUTO_TEST_CASE(the_connection_string_is_checked_without_repeating_it) {
  const std::string error = error_of({"--database", "postgres://user:hunter2@host/db"});
  BOOST_TEST(error.find("--database: ") == 0u);
  BOOST_TEST(error.find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(channel_names_are_checked) {
  BOOST_TEST(error_of({"--channel", "metrics"}).find("--channel: ") == 0u);
  BOOST_TEST(error_of({"--channel", "UPPER"}).find("--channel: ") == 0u);
  BOOST_TEST(error_of({"--channel", "logs,logs"}).find("--channel: ") == 0u);
}

BOOST_AUTO_TEST_CASE(a_topic_prefix_has_no_blanks) {
  BOOST_TEST(error_of({"--topic-prefix", "a b"}) == "--topic-prefix: must not hold blanks");
}

BOOST_AUTO_TEST_CASE(a_stream_key_holds_the_uuid_or_is_none) {
  BOOST_TEST(config_of({}).stream_key == "metrics:{uuid}");
  BOOST_TEST(config_of({"--stream-key", "none"}).stream_key == "");
  BOOST_TEST(error_of({"--stream-key", "metrics:{UUID}"}).find("--stream-key: \"metrics:{UUID}\" must hold {uuid}") ==
             0u);
  BOOST_TEST(error_of({"--stream-key", ""}).find("must hold {uuid}") != std::string::npos);
  BOOST_TEST(error_of({"--stream-key", "a {uuid}"}).find("must not hold blanks") != std::string::npos);
  // The prefix is that of channels.
  BOOST_TEST(config_of({"--topic-prefix", "t:"}).stream_key == "metrics:{uuid}");
}

BOOST_AUTO_TEST_CASE(statements_are_read_at_start) {
  Sources sources{{"--sql-file", "s.sql"}, {}, {}};
  BOOST_REQUIRE(sources.errors().size() == 1u);
  BOOST_TEST(sources.errors()[0] == "--sql-file: cannot read s.sql: No such file or directory");
  sources.files["s.sql"] = "select 1;";
  BOOST_REQUIRE(sources.errors().size() == 1u);
  BOOST_TEST(sources.errors()[0].find("--sql-file: ") == 0u);
}

BOOST_AUTO_TEST_CASE(an_admin_port_that_others_reach_is_worth_a_warning) {
  const ParsedOptions options = Sources{{"--admin", "0.0.0.0:9090"}, {}, {}}.good();
  BOOST_REQUIRE(options.warnings.size() == 1u);
  BOOST_TEST(options.warnings[0].find("--admin: 0.0.0.0:9090 can be reached") == 0u);
  BOOST_TEST((Sources{{"--admin", "[::1]:9090"}, {}, {}}.good().warnings.empty()));
}

BOOST_AUTO_TEST_CASE(a_mistyped_variable_is_worth_a_warning_but_those_of_kubernetes_are_not) {
  const Environment environment = {{"PULSEGATE_REDDIS", "x"},
                                   {"PULSEGATE_PORT", "tcp://10.0.0.1:80"},
                                   {"PULSEGATE_SERVICE_HOST", "10.0.0.1"},
                                   {"PULSEGATE_TOKEN", "t"}};
  const ParsedOptions options = Sources{{}, environment, {}}.good();
  BOOST_REQUIRE(options.warnings.size() == 1u);
  BOOST_TEST(options.warnings[0] == "PULSEGATE_REDDIS is not read; did you mean PULSEGATE_REDIS?");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(OptionSecrets)

BOOST_AUTO_TEST_CASE(a_secret_may_come_from_a_file) {
  Sources sources{{"--redis-file", "/run/r", "--database-file", "/run/d"},
                  {},
                  {{"/run/r", "redis://:hunter2@host:6379/0\n"}, {"/run/d", "host=db password=hunter2\r\n"}}};
  const ParsedOptions options = sources.good();
  BOOST_TEST(options.config.redis == "redis://:hunter2@host:6379/0");
  BOOST_TEST(options.config.database.value() == "host=db password=hunter2");
  BOOST_TEST(setting(options, "redis").origin == "--redis-file");
}

BOOST_AUTO_TEST_CASE(the_higher_source_decides_between_a_value_and_its_file) {
  Sources sources = with_file("redis-file = /run/r\n");
  sources.files["/run/r"] = "redis://file:1";
  BOOST_TEST(sources.good().config.redis == "redis://file:1");
  sources.environment["PULSEGATE_REDIS"] = "redis://variable:1";
  BOOST_TEST(sources.good().config.redis == "redis://variable:1");
}

BOOST_AUTO_TEST_CASE(a_value_and_its_file_exclude_each_other) {
  Sources sources{{"--redis", "redis://a", "--redis-file", "/run/r"}, {}, {{"/run/r", "redis://b"}}};
  BOOST_REQUIRE(sources.errors().size() == 1u);
  BOOST_TEST(sources.errors()[0] == "--redis-file: redis-file sets what --redis (redis) has set already");
}

BOOST_AUTO_TEST_CASE(a_secret_file_that_is_no_good_is_an_error) {
  Sources sources{{"--redis-file", "/run/r"}, {}, {}};
  BOOST_TEST(sources.errors().at(0) == "--redis-file: cannot read /run/r: No such file or directory");
  sources.files["/run/r"] = "\n";
  BOOST_TEST(sources.errors().at(0) == "--redis-file: /run/r is empty");
  sources.files["/run/r"] = "redis://a\nredis://b\n";
  BOOST_TEST(sources.errors().at(0) == "--redis-file: /run/r must hold a single line");
}

BOOST_AUTO_TEST_CASE(no_secret_is_ever_printed) {
  Sources sources{{"--redis", "redis://user:hunter2@host/0", "--database", "host=db password=hunter2"}, {}, {}};
  for (const Setting& each : sources.good().settings)
    BOOST_TEST(each.value.find("hunter2") == std::string::npos, each.key << " shows it");
  sources.args[1] = "redis://user:hunter2@host:port:more";
  sources.args[3] = "hunter2";
  const OptionErrors errors = sources.errors();
  BOOST_TEST(errors.size() == 2u);
  for (const std::string& error : errors) BOOST_TEST(error.find("hunter2") == std::string::npos, error);
}

BOOST_AUTO_TEST_SUITE_END()
