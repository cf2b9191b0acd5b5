// What SIGHUP does: the log's level is read again; what else has changed is named, since it needs a restart.
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "gateway/commands/commands.hpp"
#include "gateway/log.hpp"

namespace pulsegate::commands {

void reload_settings(const std::vector<Setting>& before, const OptionsResult& now) {
  if (const auto* errors = std::get_if<OptionErrors>(&now)) {
    for (const std::string& error : *errors) log::error("config.reload-failed", {{"error", error}});
    return;
  }
  const auto& parsed = std::get<ParsedOptions>(now);
  std::map<std::string, std::string> old;
  for (const Setting& setting : before) old[setting.key] = setting.value;
  std::string others;
  for (const Setting& setting : parsed.settings) {
    const auto found = old.find(setting.key);
    const bool same = found != old.end() && found->second == setting.value;
    if (found != old.end()) old.erase(found);
    if (!same && setting.key != "log-level") others += (others.empty() ? "" : ", ") + setting.key;
  }
  // What had a value and has none any more.
  for (const auto& [key, value] : old)
    if (key != "log-level") others += (others.empty() ? "" : ", ") + key;

  const log::Level level = log::find_level(parsed.config.log_level).value_or(log::Level::info);
  const log::Level previous = log::level();
  if (level > log::Level::info && previous <= log::Level::info)  // else nobody would read it
    log::info("config.reloaded", {{"log_level", log::name(level)}, {"before", log::name(previous)}});
  log::set_level(level);
  log::info("config.reloaded", {{"log_level", log::name(level)}, {"before", log::name(previous)}});
  if (!others.empty())
    log::warn("config.needs-restart",
              {{"keys", others}, {"note", "changed in the file; they take effect at the next start"}});
}

}  // namespace pulsegate::commands
