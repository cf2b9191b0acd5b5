// The one table of what an operator can set: flag, variable, help, reader, default. Flags, environment, configuration
// file,
// --help, check-config and deploy/pulsegate.conf are all made from it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/commands/option_access.hpp"
#include "gateway/config.hpp"

namespace pulsegate::commands {

struct Option {
  enum class Kind {
    single,     // one value
    list,       // may repeat, or hold several values separated by commas
    from_file,  // names a file that holds the value of `target`
    toggle,     // on or off; as a flag it stands without a value and means on
  };

  std::string flag;     // "--ping-interval"
  std::string metavar;  // "DURATION"
  std::string group;    // heading in --help and in the annotated file
  std::string help;     // one line, with unit
  std::string manual;   // why and when to change it, for the annotated file; may be empty
  OptionAccess access;  // empty functions for from_file
  Kind kind = Kind::single;
  bool secret = false;    // the value may hold a password
  std::string target{};   // from_file: the flag whose value the file holds
  std::string example{};  // for the annotated file, where the default is empty

  std::string key() const { return flag.substr(2); }  // in the configuration file
  std::string variable() const;                       // "PULSEGATE_PING_INTERVAL"
};

// How the rows are written down.
inline Option option_row(const char* group, const char* flag, const char* metavar, OptionAccess access,
                         const char* help, const char* manual, const char* example) {
  Option option{flag, metavar, group, help, manual, std::move(access)};
  option.example = example;
  return option;
}
inline Option as_list(Option option) {
  option.kind = Option::Kind::list;
  return option;
}

// Those about who may come in; for make_option_rows().
void add_access_rows(std::vector<Option>& rows);
// Those about how many may come in, and what all of them together may take.
void add_limit_rows(std::vector<Option>& rows);
// Those about how Redis is reached.
void add_redis_rows(std::vector<Option>& rows);
// The rows, made anew; for option_table().
std::vector<Option> make_option_rows();

// In the order of the manual. Thread: immutable after the first call.
const std::vector<Option>& option_table();

// By flag ("--listen") or by key ("listen"); nullptr when there is none.
const Option* find_option(std::string_view flag_or_key);
// The option whose key is most like `name`, nullptr when none is near.
const Option* nearest_option(std::string_view name);

// The default in the form that the option reads; empty where there is none.
std::string default_text(const Option& option);

}  // namespace pulsegate::commands
