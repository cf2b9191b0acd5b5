// `pulsegate inspect`: reads recordings to their ends and says what is in them.
#include <cstdio>
#include <string>
#include <vector>

#include "bus/recording_reader.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/recording_report.hpp"

namespace pulsegate::commands {

int run_inspect(const InspectOptions& options) {
  bus::RecordingReader reader(options.files);
  RecordingReport report;
  while (const auto item = reader.next()) {
    const std::string where =
        item->number > 0 ? reader.path() + ":" + std::to_string(item->number) + " " : std::string();
    if (const auto* event = std::get_if<proto::RecordedEvent>(&item->line)) {
      report.event(*event);
    } else if (const auto* loss = std::get_if<proto::RecordedLoss>(&item->line)) {
      report.loss(*loss);
    } else if (const auto* header = std::get_if<proto::RecordingHeader>(&item->line)) {
      report.header(*header);
    } else {
      report.fault(where, std::get<proto::RecordingFault>(item->line).reason);
    }
  }
  const std::string text = options.json ? report.json() : report.text(options.top);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written && report.sound() ? kExitClean : kExitFailure;
}

}  // namespace pulsegate::commands
