// Collects what every source gives for each option, lets the highest source decide, and checks the outcome.
#include "gateway/commands/options.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>

#include "gateway/commands/config_file.hpp"
#include "gateway/commands/option_checks.hpp"
#include "gateway/commands/option_table.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/log_line.hpp"

extern char** environ;

namespace pulsegate::commands {
namespace {

enum class Source { file, environment, flag };  // ascending precedence

struct Given {
  const Option* option;
  std::string text;
  std::string origin;
  Source source;
};

class Resolver {
 public:
  Resolver(const CommandLine& line, const Environment& environment, const ReadFile& read_file)
      : environment_(environment), read_file_(read_file) {
    from_file(line);
    from_environment();
    for (const auto& [flag, value] : line.flags)
      if (const Option* option = find_option(flag)) given_.push_back({option, value, flag, Source::flag});
  }

  OptionsResult run() {
    for (const Option& option : option_table())
      if (option.kind != Option::Kind::from_file) resolve(option);
    const CheckContext context{result_.config, [this](std::string_view flag) { return where(flag); },
                               [this](std::string_view flag) { return refused_.count(std::string(flag)) != 0; },
                               read_file_};
    const auto found = cross_checks(context);
    errors_.insert(errors_.end(), found.begin(), found.end());
    if (!errors_.empty()) return std::move(errors_);
    result_.warnings = config_warnings(context, environment_);
    return std::move(result_);
  }

 private:
  void from_file(const CommandLine& line) {
    const auto variable = environment_.find("PULSEGATE_CONFIG");
    std::string path = line.config_file, origin = "--config";
    if (path.empty() && variable != environment_.end()) path = variable->second, origin = variable->first;
    if (path.empty()) return;
    std::string error;
    const auto text = read_file_(path, error);
    if (!text) return errors_.push_back(origin + ": cannot read " + path + ": " + error);
    ConfigFile file = parse_config_file(*text, path);
    errors_.insert(errors_.end(), file.errors.begin(), file.errors.end());
    for (ConfigLine& entry : file.lines)
      given_.push_back({entry.option, std::move(entry.value), std::move(entry.origin), Source::file});
  }

  void from_environment() {
    for (const Option& option : option_table()) {
      const auto found = environment_.find(option.variable());
      if (found != environment_.end() && !found->second.empty())
        given_.push_back({&option, found->second, found->first, Source::environment});
    }
  }

  void resolve(const Option& option) {
    std::vector<const Given*> candidates;
    Source highest = Source::file;
    for (const Given& given : given_) {
      if (given.option != &option && given.option->target != option.flag) continue;
      candidates.push_back(&given);
      highest = std::max(highest, given.source);
    }
    std::vector<const Given*> deciding;
    for (const Given* given : candidates) {
      if (given->source == highest)
        deciding.push_back(given);
      else
        check_overruled(*given);
    }
    const bool one = option.kind == Option::Kind::single || option.kind == Option::Kind::toggle;
    if (one && deciding.size() > 1) {
      refuse(option, deciding[1]->origin + ": " + deciding[1]->option->key() + " sets what " + deciding[0]->origin +
                         " (" + deciding[0]->option->key() + ") has set already");
    } else {
      for (const Given* given : deciding) apply(option, *given);
    }
    settle(option, deciding);
  }

  // A value that another source overrules must be good all the same, or taking the other away will surprise somebody.
  void check_overruled(const Given& given) {
    Config scratch;
    if (given.option->kind != Option::Kind::from_file) apply_text(*given.option, given, given.text, scratch);
  }

  void apply(const Option& option, const Given& given) {
    // CLI11 gives the next argument to a flag that wants a value, whatever it looks like.
    if (given.source == Source::flag && given.text.compare(0, 2, "--") == 0)
      return refuse(option, given.origin + ": needs a value, but another flag follows");
    std::string text = given.text;
    if (given.option->kind == Option::Kind::from_file) {
      std::string error;
      auto content = read_file_(given.text, error);
      if (!content) return refuse(option, given.origin + ": cannot read " + given.text + ": " + error);
      text = std::move(*content);
      if (!text.empty() && text.back() == '\n') text.pop_back();
      if (!text.empty() && text.back() == '\r') text.pop_back();
      if (text.empty()) return refuse(option, given.origin + ": " + given.text + " is empty");
      if (text.find('\n') != std::string::npos)
        return refuse(option, given.origin + ": " + given.text + " must hold a single line");
    }
    if (!apply_text(option, given, text, result_.config)) refused_.insert(option.flag);
  }

  bool apply_text(const Option& option, const Given& given, std::string_view text, Config& config) {
    if (option.kind != Option::Kind::list) return apply_one(option, given, text, config);
    bool good = true;
    for (;;) {
      const std::size_t comma = text.find(',');
      good = apply_one(option, given, trim(text.substr(0, comma)), config) && good;
      if (comma == std::string_view::npos) return good;
      text.remove_prefix(comma + 1);
    }
  }

  bool apply_one(const Option& option, const Given& given, std::string_view text, Config& config) {
    const std::string sentence = option.access.apply(config, text);
    if (sentence.empty()) return true;
    std::string error = given.origin + ": ";
    if (given.source == Source::file) error += option.key() + " ";
    if (!option.secret) {
      error += '"';
      log::append_escaped(error, text, 80);
      error += "\" ";
    }
    errors_.push_back(error + sentence);
    return false;
  }

  void refuse(const Option& option, std::string error) {
    refused_.insert(option.flag);
    errors_.push_back(std::move(error));
  }

  void settle(const Option& option, const std::vector<const Given*>& deciding) {
    std::string value = option.access.show(result_.config);
    if (option.flag == "--redis") value = redacted_redis(value);
    if (option.flag == "--database") value = redacted_database(value);
    result_.settings.push_back({option.key(), std::move(value), deciding.empty() ? "default" : deciding[0]->origin});
  }

  std::string where(std::string_view flag) const {
    for (const Setting& setting : result_.settings)
      if (flag.substr(2) == setting.key && setting.origin != "default")
        return setting.origin.substr(0, 2) == "--" || setting.origin.substr(0, 10) == "PULSEGATE_"
                   ? setting.origin
                   : setting.origin + ": " + setting.key;
    return std::string(flag) + " (default)";
  }

  const Environment& environment_;
  const ReadFile& read_file_;
  std::vector<Given> given_;
  std::set<std::string> refused_;  // flags
  ParsedOptions result_;
  OptionErrors errors_;
};

}  // namespace

Environment read_environment() {
  Environment result;
  constexpr std::string_view kPrefix = "PULSEGATE_";
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (text.substr(0, kPrefix.size()) == kPrefix && equals != std::string_view::npos)
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::optional<std::string> read_small_file(const std::string& path, std::string& error) {
  constexpr std::size_t kLimit = 1024 * 1024;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLimit + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    error = errno != 0 ? std::generic_category().message(errno) : "it is not a file that can be read";
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() <= kLimit) return text;
  error = kFileTooLarge;
  return std::nullopt;
}

OptionsResult resolve_options(const CommandLine& line, const Environment& environment, const ReadFile& read_file) {
  return Resolver(line, environment, read_file).run();
}

}  // namespace pulsegate::commands
