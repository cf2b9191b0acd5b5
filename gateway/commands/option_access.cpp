// Readers of option values. Every sentence says what would have been right.
#include "gateway/commands/option_access.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "bus/stream_key.hpp"
#include "gateway/commands/option_values.hpp"

namespace pulsegate::commands {

OptionAccess option_address(Address Config::*field) {
  return {[field](Config& config, std::string_view text) -> std::string {
            const auto value = read_address(text);
            if (!value) return "must be HOST:PORT, [IPv6]:PORT or :PORT, with a port from 0 to 65535";
            config.*field = *value;
            return {};
          },
          [field](const Config& config) { return show_address(config.*field); }};
}

OptionAccess option_duration(Millis Config::*field, Millis low, Millis high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_duration(text);
            if (!value) return "must be a duration such as 500ms, 2s, 5m or 1h";
            if (*value < low || *value > high)
              return "must be from " + show_duration(low) + " to " + show_duration(high);
            config.*field = *value;
            return {};
          },
          [field](const Config& config) { return show_duration(config.*field); }};
}

OptionAccess option_size(std::size_t Config::*field, std::size_t low, std::size_t high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_size(text);
            if (!value) return "must be a size such as 4096, 64KiB or 1MiB";
            if (*value < low || *value > high) return "must be from " + show_size(low) + " to " + show_size(high);
            config.*field = *value;
            return {};
          },
          [field](const Config& config) { return show_size(config.*field); }};
}

OptionAccess option_count(std::size_t Config::*field, std::size_t low, std::size_t high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_count(text);
            if (!value || *value < low || *value > high)
              return "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
            config.*field = *value;
            return {};
          },
          [field](const Config& config) { return std::to_string(config.*field); }};
}

OptionAccess option_real(double Config::*field, double low, double high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_real(text);
            if (!value || *value < low || *value > high)
              return "must be a number from " + show_real(low) + " to " + show_real(high);
            config.*field = *value;
            return {};
          },
          [field](const Config& config) { return show_real(config.*field); }};
}

OptionAccess option_text(std::string Config::*field) {
  return {[field](Config& config, std::string_view value) -> std::string {
            config.*field = std::string(value);
            return {};
          },
          [field](const Config& config) { return config.*field; }};
}

OptionAccess option_switch(bool Config::*field) {
  return {[field](Config& config, std::string_view value) -> std::string {
            if (value != "on" && value != "off") return "must be on or off";
            config.*field = value == "on";
            return {};
          },
          [field](const Config& config) { return std::string(config.*field ? "on" : "off"); }};
}

OptionAccess option_word(std::string Config::*field, std::vector<std::string> words) {
  return {[field, words = std::move(words)](Config& config, std::string_view value) -> std::string {
            if (std::find(words.begin(), words.end(), value) == words.end()) {
              std::string sentence = words.size() == 1 ? "must be " : "must be one of ";
              for (std::size_t i = 0; i < words.size(); ++i) sentence += (i == 0 ? "" : ", ") + words[i];
              return sentence;
            }
            config.*field = std::string(value);
            return {};
          },
          [field](const Config& config) { return config.*field; }};
}

OptionAccess option_auto_count(std::optional<std::size_t> Config::*field, std::size_t low, std::size_t high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_count(text);
            if (text != "auto" && (!value || *value < low || *value > high))
              return "must be auto or a whole number from " + std::to_string(low) + " to " + std::to_string(high);
            config.*field = value;
            return {};
          },
          [field](const Config& config) { return config.*field ? std::to_string(*(config.*field)) : "auto"; }};
}

OptionAccess option_auto_real(std::optional<double> Config::*field, double low, double high) {
  return {[=](Config& config, std::string_view text) -> std::string {
            const auto value = read_real(text);
            if (text != "auto" && (!value || *value < low || *value > high))
              return "must be auto or a number from " + show_real(low) + " to " + show_real(high);
            config.*field = value;
            return {};
          },
          [field](const Config& config) { return config.*field ? show_real(*(config.*field)) : "auto"; }};
}

OptionAccess option_memory_limit() {
  static constexpr std::size_t kLow = 16UL * 1024 * 1024;
  return {[](Config& config, std::string_view text) -> std::string {
            const auto value = read_size(text);
            if (text == "auto") {
              config.memory_limit.reset();
            } else if (text == "off") {
              config.memory_limit = 0;
            } else if (value && *value >= kLow) {
              config.memory_limit = value;
            } else {
              return "must be auto, off or a size from " + show_size(kLow) + " on";
            }
            return {};
          },
          [](const Config& config) -> std::string {
            if (!config.memory_limit) return "auto";
            return *config.memory_limit == 0 ? "off" : show_size(*config.memory_limit);
          }};
}

OptionAccess option_database() {
  return {[](Config& config, std::string_view value) -> std::string {
            if (value == "none")
              config.database.reset();
            else
              config.database = std::string(value);
            return {};
          },
          [](const Config& config) { return config.database.value_or("none"); }};
}

OptionAccess option_stream_key() {
  return {[](Config& config, std::string_view value) -> std::string {
            std::string sentence = value == "none" ? std::string() : bus::check_stream_key(value);
            if (sentence.empty()) config.stream_key = value == "none" ? std::string() : std::string(value);
            return sentence;
          },
          [](const Config& config) { return config.stream_key.empty() ? "none" : config.stream_key; }};
}

OptionAccess option_channels() {
  return {[](Config& config, std::string_view value) -> std::string {
            config.pass_through.emplace_back(value);
            return {};
          },
          [](const Config& config) {
            std::string joined;
            for (const std::string& name : config.pass_through) joined += (joined.empty() ? "" : ",") + name;
            return joined;
          }};
}

OptionAccess option_texts(std::vector<std::string> Config::*field, std::function<std::string(std::string_view)> check) {
  return {[field, check = std::move(check)](Config& config, std::string_view value) -> std::string {
            std::string sentence = value.empty() ? std::string("must not be empty") : check(value);
            if (sentence.empty()) (config.*field).emplace_back(value);
            return sentence;
          },
          [field](const Config& config) {
            std::string joined;
            for (const std::string& each : config.*field) joined += (joined.empty() ? "" : ",") + each;
            return joined;
          }};
}

OptionAccess option_refresh() {
  return {[](Config& config, std::string_view value) -> std::string {
            const auto equals = value.find('=');
            const auto interval =
                equals == std::string_view::npos ? std::nullopt : read_duration(value.substr(equals + 1));
            if (!interval) return "must be CHANNEL=DURATION, for instance history=30s";
            const auto channel = config.refresh.find(std::string(value.substr(0, equals)));
            if (channel == config.refresh.end())
              return "names a channel that is not refreshed; those are history, network-interfaces, processes and "
                     "system-info";
            if (*interval > std::chrono::hours(24)) return "must be at most 24h";
            if (*interval != Millis(0) && *interval < std::chrono::seconds(1)) return "must be 0 (off) or at least 1s";
            channel->second = *interval;
            return {};
          },
          [](const Config& config) {
            std::string joined;
            for (const auto& [channel, interval] : config.refresh)
              joined += (joined.empty() ? "" : ",") + channel + "=" + show_duration(interval);
            return joined;
          }};
}

OptionAccess option_history_time() {
  return {[](Config& config, std::string_view value) -> std::string {
            if (value != "clock" && value != "iso") return "must be one of clock, iso";
            config.history_time_iso = value == "iso";
            return {};
          },
          [](const Config& config) { return std::string(config.history_time_iso ? "iso" : "clock"); }};
}

OptionAccess option_legacy_history() {
  return {[](Config& config, std::string_view value) -> std::string {
            if (value != "replace" && value != "append") return "must be one of replace, append";
            config.legacy_append = value == "append";
            return {};
          },
          [](const Config& config) { return std::string(config.legacy_append ? "append" : "replace"); }};
}

}  // namespace pulsegate::commands
