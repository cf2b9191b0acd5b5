// One line per message, but for processes; columns line up so that a stream of metrics can be read down.
#include "gateway/commands/watch_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "gateway/commands/printable.hpp"
#include "proto/time.hpp"

namespace pulsegate::commands {
namespace {

using proto::Metric;
using proto::ServerMessage;

constexpr const char* kRed = "31";
constexpr const char* kGreen = "32";
constexpr const char* kYellow = "33";
constexpr const char* kCyan = "36";
constexpr const char* kDim = "2";
constexpr std::size_t kShownProcesses = 5;
constexpr const char* kIndent = "         ";  // as wide as the time

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string left(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string clock(const ServerMessage& message) {
  if (!message.time) return kIndent;
  std::string iso;
  proto::append_iso8601(iso, *message.time);
  return iso.substr(11, 8) + " ";
}

// "used 3.1 GiB of 8.0 GiB" in short; empty when nothing is known.
std::string share(const proto::MetricValues& values, Metric used, Metric total) {
  if (!values[used].present) return {};
  std::string text = show_bytes(values[used].value);
  if (values[total].present) text += "/" + show_bytes(values[total].value);
  return text;
}

const char* colour_of(const std::string& type) {
  if (type == "error") return kRed;
  if (type == "gap" || type == "status" || type == "reconnect") return kYellow;
  return type == "metrics" || type == "history" ? kGreen : kCyan;
}

}  // namespace

std::string show_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::fabs(bytes) >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fixed(bytes, unit == 0 ? 0 : 1) + " " + kUnits[unit];
}

std::string sparkline(const std::vector<double>& values, std::size_t width) {
  constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto first = values.size() > width ? values.end() - static_cast<std::ptrdiff_t>(width) : values.begin();
  if (first == values.end()) return {};
  const auto [least, greatest] = std::minmax_element(first, values.end());
  const double span = *greatest - *least;
  std::string out;
  for (auto it = first; it != values.end(); ++it)
    out += kBlocks[span > 0 ? static_cast<std::size_t>(std::lround((*it - *least) / span * 7)) : 0];
  return out;
}

std::string WatchView::paint(const char* colour, const std::string& text) const {
  return colour_ ? "\x1b[" + std::string(colour) + "m" + text + "\x1b[0m" : text;
}

std::string WatchView::level(double percent, const std::string& text) const {
  return paint(percent >= 90 ? kRed : percent >= 70 ? kYellow : kGreen, text);
}

std::string WatchView::render(const ServerMessage& message) const {
  const std::string type = printable(message.type, 32);
  std::string out =
      paint(kDim, clock(message)) + paint(colour_of(type), left(type + (message.replay ? " (replay)" : ""), 18)) + " ";
  if (type == "metrics")
    out += metrics(message);
  else if (type == "history")
    out += history(message);
  else if (type == "processes")
    out += processes(message);
  else if (type == "network-interfaces")
    out += interfaces(message);
  else if (!message.channel.empty())
    out += acknowledgement(message);
  else
    out += fields(message);
  return out + "\n";
}

std::string WatchView::metrics(const ServerMessage& message) const {
  const proto::MetricValues& values = message.metrics;
  std::string out;
  const auto part = [&](const char* label, const std::string& text) {
    if (!text.empty()) out += (out.empty() ? "" : "  ") + paint(kDim, label) + " " + text;
  };
  const auto& cpu = values[Metric::cpu_usage];
  if (cpu.present) part("cpu", level(cpu.value, right(fixed(cpu.value, 1), 5) + " %"));
  part("mem", share(values, Metric::memory_usage, Metric::memory_total));
  part("disk", share(values, Metric::storage_usage, Metric::storage_total));
  if (values[Metric::cpu_temp].present) part("temp", fixed(values[Metric::cpu_temp].value, 1) + " °C");
  if (values[Metric::network_rx].present) part("down", show_bytes(values[Metric::network_rx].value));
  if (values[Metric::network_tx].present) part("up", show_bytes(values[Metric::network_tx].value));
  return out;
}

std::string WatchView::history(const ServerMessage& message) const {
  const ServerMessage::History& history = message.history;
  std::string out = std::to_string(history.cpu.size()) + (history.cpu.size() == 1 ? " point" : " points");
  if (message.mode == "append") out += " more";
  const auto line = [&](const char* label, const std::vector<double>& values, const std::string& newest) {
    if (!values.empty())
      out += std::string("\n") + kIndent + left(label, 5) + paint(kCyan, sparkline(values)) + " " + newest;
  };
  if (!history.cpu.empty()) line("cpu", history.cpu, fixed(history.cpu.back(), 0) + " %");
  if (!history.used.empty()) line("mem", history.used, show_bytes(history.used.back() * 1024 * 1024));
  if (!history.download.empty()) line("down", history.download, show_bytes(history.download.back()));
  if (!history.upload.empty()) line("up", history.upload, show_bytes(history.upload.back()));
  return out;
}

std::string WatchView::processes(const ServerMessage& message) const {
  std::string out = std::to_string(message.processes.size()) + " on top";
  if (message.processes.empty()) return out;
  out += "\n" + paint(kDim, kIndent + right("PID", 8) + right("CPU %", 8) + right("MEM %", 8) + "  NAME");
  for (std::size_t i = 0; i < std::min(kShownProcesses, message.processes.size()); ++i) {
    const ServerMessage::Process& process = message.processes[i];
    out += std::string("\n") + kIndent + right(printable(process.pid, 8), 8) +
           level(process.cpu, right(fixed(process.cpu, 1), 8)) + right(fixed(process.mem, 1), 8) + "  " +
           printable(process.name, 40);
  }
  return out;
}

std::string WatchView::interfaces(const ServerMessage& message) const {
  std::string out;
  for (const ServerMessage::Interface& interface : message.interfaces) {
    if (!out.empty()) out += ", ";
    out += printable(interface.name, 32);
    if (!interface.state.empty())
      out += " " + paint(interface.state == "up" ? kGreen : kDim, printable(interface.state, 16));
    if (!interface.ip4.empty()) out += " " + printable(interface.ip4, 40);
  }
  return out;
}

std::string WatchView::acknowledgement(const ServerMessage& message) const {
  std::string out = printable(message.channel);
  if (message.resumed) out += *message.resumed ? "  resumed" : paint(kYellow, "  not resumed");
  return out;
}

// Those of a gap begin with its channels.
std::string WatchView::fields(const ServerMessage& message) const {
  std::string out;
  for (const std::string& channel : message.channels) out += (out.empty() ? "" : ", ") + printable(channel, 32);
  for (const auto& [key, value] : message.fields)
    out += (out.empty() ? "" : "  ") + paint(kDim, printable(key, 40)) + " " + printable(value);
  return out;
}

}  // namespace pulsegate::commands
