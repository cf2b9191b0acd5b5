// An EventSink that writes down what it is told, one line a call, and can run a piece of the test inside a call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/subscriber.hpp"

namespace pulsegate::test {

// Thread: that of the Subscriber. Lines: "up", "down", "subscribed <topic>", "lost <topic>", "event <topic> <payload>",
// "batch", "batch, more waiting".
class RecordingSink final : public bus::EventSink {
 public:
  void on_event(std::string_view topic, std::string_view payload) override {
    ++events;
    note("event " + std::string(topic) + " " + std::string(payload));
  }
  void on_subscribed(std::string_view topic) override {
    ++confirmations;
    note("subscribed " + std::string(topic));
  }
  void on_bus_up() override { note("up"); }
  void on_bus_down(std::string_view reason) override {
    reasons.emplace_back(reason);
    note("down");
  }
  void on_topic_lost(std::string_view topic) override { note("lost " + std::string(topic)); }
  void on_batch_end(bool more_waiting) override { note(more_waiting ? "batch, more waiting" : "batch"); }

  std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
  }
  bool has(const std::string& line) const { return count(line) > 0; }
  // Position of the first such line; lines.size() when there is none.
  std::size_t position(const std::string& line) const {
    return static_cast<std::size_t>(std::find(lines.begin(), lines.end(), line) - lines.begin());
  }
  void clear() { lines.clear(); }

  std::vector<std::string> lines;
  std::vector<std::string> reasons;  // of on_bus_down()
  std::size_t events = 0;
  std::size_t confirmations = 0;
  bool inside_call = false;                            // set by the test around a call that must not call back
  bool called_from_inside = false;                     // a callback came nevertheless
  std::function<void(const std::string& line)> react;  // runs inside each callback, after the line is written

 private:
  void note(std::string line) {
    called_from_inside = called_from_inside || inside_call;
    lines.push_back(line);
    if (react) react(line);
  }
};

}  // namespace pulsegate::test
