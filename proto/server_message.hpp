// The other direction of message.hpp: what the server sent, read as far as a terminal client shows it. Browsers use
// proto/js.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/metric_values.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

struct ServerMessage {
  struct Process {
    std::string pid, name;
    double cpu = 0, mem = 0;  // percent
  };
  struct Interface {
    std::string name, ip4, state;
  };
  // Of a `history` or a `history-result`. Shape: as many entries as the chart has points, oldest first; the charts of a
  // message that was down-sampled may differ.
  struct History {
    std::vector<double> cpu;               // percent
    std::vector<double> used, available;   // MiB
    std::vector<double> download, upload;  // bytes
  };

  std::string type;
  std::string device;                                       // deviceUuid; empty: none
  std::string channel;                                      // of an ack
  std::optional<bool> resumed;                              // of a `subscribed` that answers a `since`
  bool replay = false;                                      // it was sent between replay-begin and replay-end
  std::vector<std::string> channels;                        // of a gap
  std::string mode;                                         // of a history: "replace" or "append"
  std::string id;                                           // of an answer: the id of its command, decoded
  std::string cursor;                                       // where to resume after this message; empty: none
  std::optional<Timestamp> time;                            // the event's own
  MetricValues metrics;                                     // members of `data` that are metrics
  std::vector<std::pair<std::string, std::string>> fields;  // strings and numbers of `data`, in order
  std::vector<Process> processes;
  std::vector<Interface> interfaces;
  History history;
};

// nullopt: not one JSON object with a string `type`. Lists are cut at 2 000 entries. Never throws on any input.
std::optional<ServerMessage> parse_server_message(std::string_view text);

}  // namespace pulsegate::proto
