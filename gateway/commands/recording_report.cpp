#include "gateway/commands/recording_report.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_set>

#include "gateway/commands/printable.hpp"
#include "gateway/commands/record_progress.hpp"
#include "gateway/commands/watch_view.hpp"
#include "proto/message.hpp"

namespace pulsegate::commands {
namespace {

using std::chrono::microseconds;

std::string time_text(proto::Timestamp time) {
  std::string text;
  proto::append_iso8601(text, time);
  return text;
}

std::string span_of(microseconds span) {
  const double seconds = std::chrono::duration<double>(span).count();
  char text[48];
  if (seconds < 120) {
    std::snprintf(text, sizeof text, "%.3f s", seconds);
  } else if (seconds < 7'200) {
    std::snprintf(text, sizeof text, "%.1f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.1f h", seconds / 3'600);
  }
  return text;
}

std::string number_text(double value) {
  char text[48];
  std::snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

// What stands between the first colon-separated words "device" and the kind: the device, as it is written.
std::string_view device_of(std::string_view channel) {
  const auto begin = channel.find("device:");
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = channel.substr(begin + 7);
  return rest.substr(0, rest.find(':'));
}

}  // namespace

void Timeline::add(proto::Timestamp time) {
  const auto key = [this](std::int64_t micros) { return micros / step_.count(); };
  ++counts_[key(time.time_since_epoch().count())];
  while (static_cast<std::uint64_t>(counts_.rbegin()->first - counts_.begin()->first) >= 2 * kSteps) {
    std::map<std::int64_t, std::uint64_t> wider;
    for (const auto& [step, count] : counts_) wider[step / 2] += count;
    counts_.swap(wider);
    step_ *= 2;
  }
}

std::vector<double> Timeline::rates() const {
  std::vector<double> rates;
  if (counts_.empty()) return rates;
  const std::int64_t first = counts_.begin()->first;
  rates.resize(static_cast<std::size_t>(counts_.rbegin()->first - first + 1));
  const double seconds = std::chrono::duration<double>(step_).count();
  for (const auto& [step, count] : counts_)
    rates[static_cast<std::size_t>(step - first)] = static_cast<double>(count) / seconds;
  return rates;
}

void RecordingReport::event(const proto::RecordedEvent& event) {
  const auto note = [&event](Channel& channel) {
    if (channel.events == 0) {
      channel.first = channel.last = event.time;
    } else {
      channel.silence = std::max(channel.silence, event.time - channel.last);
      channel.last = std::max(channel.last, event.time);
      channel.first = std::min(channel.first, event.time);
    }
    ++channel.events;
    channel.bytes += event.payload.size();
    channel.largest = std::max<std::uint64_t>(channel.largest, event.payload.size());
  };
  if (all_.events > 0 && event.time < all_.last) ++disorder_;
  note(all_);
  timeline_.add(event.time);
  auto channel = channels_.find(event.channel);
  if (channel == channels_.end()) {
    if (channels_.size() >= kMaxChannels) {
      ++other_events_;
      return;
    }
    channel = channels_.emplace(std::string(event.channel), Channel{}).first;
  }
  note(channel->second);
}

void RecordingReport::loss(const proto::RecordedLoss& loss) {
  ++loss_count_;
  if (losses_.size() < kMaxListed) losses_.push_back(loss);
}

void RecordingReport::header(const proto::RecordingHeader& header) {
  ++headers_;
  newest_version_ = std::max(newest_version_, header.version);
}

void RecordingReport::fault(const std::string& where, const std::string& reason) {
  ++faults_;
  if (listed_.size() < kMaxListed) listed_.push_back(where + reason);
}

std::vector<RecordingReport::Channels::const_iterator> RecordingReport::by_events() const {
  std::vector<Channels::const_iterator> order;
  for (auto each = channels_.begin(); each != channels_.end(); ++each) order.push_back(each);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a->second.events > b->second.events; });
  return order;
}

std::string RecordingReport::span_text() const {
  return time_text(all_.first) + " to " + time_text(all_.last) + " (" + span_of(all_.last - all_.first) + ")";
}

std::string RecordingReport::text(std::size_t most) const {
  std::unordered_set<std::string_view> devices;
  for (const auto& [name, channel] : channels_)
    if (const std::string_view device = device_of(name); !device.empty()) devices.insert(device);
  std::string out = grouped(all_.events) + " events, " + show_bytes(static_cast<double>(all_.bytes)) + ", of " +
                    grouped(devices.size()) + " devices on " + grouped(channels_.size()) + " channels\n";
  if (newest_version_ > proto::kRecordingVersion)
    out += "made by a later version of pulsegate (format " + std::to_string(newest_version_) +
           "): what this one does not know is told below\n";
  if (all_.events > 0) {
    out += span_text() + "\n";
    const std::vector<double> rates = timeline_.rates();
    const double seconds = std::chrono::duration<double>(std::max(all_.last - all_.first, timeline_.step())).count();
    out += "rate  " + sparkline(rates, 2 * Timeline::kSteps) + "  " + span_of(timeline_.step()) + " each; mean " +
           number_text(static_cast<double>(all_.events) / seconds) + "/s, highest " +
           number_text(*std::max_element(rates.begin(), rates.end())) + "/s\n\n";
    char line[160];
    std::snprintf(line, sizeof line, "%12s %10s %10s %16s  %s\n", "events", "mean", "largest", "longest silence",
                  "channel");
    out += line;
    const auto order = by_events();
    const std::size_t shown = most == 0 ? order.size() : std::min(most, order.size());
    for (std::size_t i = 0; i < shown; ++i) {
      const Channel& channel = order[i]->second;
      std::snprintf(line, sizeof line, "%12s %10s %10s %16s  ", grouped(channel.events).c_str(),
                    show_bytes(static_cast<double>(channel.bytes) / static_cast<double>(channel.events)).c_str(),
                    show_bytes(static_cast<double>(channel.largest)).c_str(), span_of(channel.silence).c_str());
      out += line + printable(order[i]->first) + "\n";
    }
    if (shown < order.size())
      out += "             and " + grouped(order.size() - shown) + " more channels (--top 0 shows all)\n";
    if (other_events_ > 0) out += "             and " + grouped(other_events_) + " events on still more channels\n";
  }
  if (disorder_ > 0) out += "\n" + grouped(disorder_) + " events are older than one before them\n";
  if (loss_count_ > 0) {
    out += "\nmissing, as the recorder has noticed:\n";
    for (const proto::RecordedLoss& loss : losses_) {
      out += "  " + time_text(loss.from) + " to " + time_text(loss.time) + "  " + printable(loss.reason);
      if (loss.events > 0) out += ", " + grouped(loss.events) + " events";
      out += "\n";
    }
    if (loss_count_ > losses_.size()) out += "  and " + grouped(loss_count_ - losses_.size()) + " more\n";
  }
  if (faults_ > 0) {
    out += "\ncould not be read:\n";
    for (const std::string& fault : listed_) out += "  " + printable(fault) + "\n";
    if (faults_ > listed_.size()) out += "  and " + grouped(faults_ - listed_.size()) + " more\n";
  }
  return out;
}

std::string RecordingReport::json() const {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  const auto totals = [&number](const Channel& channel) {
    std::string text = "\"events\":" + number(channel.events) + ",\"bytes\":" + number(channel.bytes) +
                       ",\"largest\":" + number(channel.largest);
    if (channel.events > 0)
      text += R"(,"first":")" + time_text(channel.first) + R"(","last":")" + time_text(channel.last) +
              R"(","longestSilence":)" + std::to_string(std::chrono::duration<double>(channel.silence).count());
    return text;
  };
  std::string out = "{" + totals(all_) + ",\"outOfOrder\":" + number(disorder_) +
                    ",\"step\":" + std::to_string(std::chrono::duration<double>(timeline_.step()).count()) +
                    ",\"rates\":[";
  for (const double rate : timeline_.rates()) out += (out.back() == '[' ? "" : ",") + std::to_string(rate);
  out += "],\"channels\":[";
  for (const auto& each : by_events()) {
    out += out.back() == '[' ? "{\"channel\":" : ",{\"channel\":";
    proto::append_json_string(out, printable(each->first));
    out += "," + totals(each->second) + "}";
  }
  out += "],\"otherEvents\":" + number(other_events_) + ",\"losses\":[";
  for (const proto::RecordedLoss& loss : losses_) {
    out += std::string(out.back() == '[' ? "" : ",") + R"({"from":")" + time_text(loss.from) + R"(","to":")" +
           time_text(loss.time) + R"(","reason":)";
    proto::append_json_string(out, printable(loss.reason));
    out += ",\"events\":" + number(loss.events) + "}";
  }
  out += "],\"lossCount\":" + number(loss_count_) + ",\"faults\":[";
  for (const std::string& fault : listed_) {
    if (out.back() != '[') out += ',';
    proto::append_json_string(out, printable(fault));
  }
  return out + "],\"faultCount\":" + number(faults_) + "}\n";
}

}  // namespace pulsegate::commands
