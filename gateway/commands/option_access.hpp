// How one field of Config is read from text and shown as text; the option table is made of these.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config.hpp"

namespace pulsegate::commands {

struct OptionAccess {
  // Returns one sentence without a subject ("must be …") when the text is no good, and leaves the configuration alone.
  std::function<std::string(Config&, std::string_view)> apply;
  // The value in force, in the form that apply() reads; list elements separated by commas.
  std::function<std::string(const Config&)> show;
};

OptionAccess option_address(Address Config::*field);
// Bounds are inclusive.
OptionAccess option_duration(Millis Config::*field, Millis low, Millis high);
OptionAccess option_size(std::size_t Config::*field, std::size_t low, std::size_t high);
OptionAccess option_count(std::size_t Config::*field, std::size_t low, std::size_t high);
OptionAccess option_real(double Config::*field, double low, double high);
OptionAccess option_text(std::string Config::*field);
OptionAccess option_switch(bool Config::*field);  // "on" or "off"
OptionAccess option_word(std::string Config::*field, std::vector<std::string> words);

// A number, or "auto" (nullopt).
OptionAccess option_auto_count(std::optional<std::size_t> Config::*field, std::size_t low, std::size_t high);
OptionAccess option_auto_real(std::optional<double> Config::*field, double low, double high);
OptionAccess option_memory_limit();  // "auto", "off" or a size

OptionAccess option_database();    // "none" or a connection string
OptionAccess option_stream_key();  // "none" or a key with {uuid}
OptionAccess option_channels();    // appends one name per call
OptionAccess option_refresh();     // sets one CHANNEL=DURATION per call
// Appends one text per call, for which `check` (a sentence without subject, or empty) finds nothing wrong.
OptionAccess option_texts(std::vector<std::string> Config::*field, std::function<std::string(std::string_view)> check);
OptionAccess option_canary();          // "off" or a duration
OptionAccess option_history_time();    // "clock" or "iso"
OptionAccess option_legacy_history();  // "replace" or "append"

}  // namespace pulsegate::commands
