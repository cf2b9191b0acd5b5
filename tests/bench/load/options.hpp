// The command line of the load generator.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/load/event.hpp"

namespace pulsegate::bench {

// By what a client knows that the server counts it in, so that every event from then on must come.
enum class Ready : std::uint8_t {
  open,        // the handshake is enough, and nothing is sent
  subscribed,  // the acknowledgement of `subscribe`
  pong         // the answer to a `ping` sent after `subscribe`, from servers that acknowledge nothing
};

struct Options {
  std::uint16_t port = 0;          // of the server, on 127.0.0.1
  std::uint16_t publish_port = 0;  // of Redis, or of the server itself (form `message`)
  PublishForm form = PublishForm::redis;
  Ready ready = Ready::subscribed;
  std::size_t clients = 1000;
  std::size_t devices = 100;
  std::size_t connecting = 200;     // handshakes in flight
  std::size_t publishers = 1;       // connections that publish; a device always uses the same one
  std::string channel = "metrics";  // or several, with commas between them
  std::string await;                // type of a message that every client must get first: "history"
  bool compress = false;            // offer permessage-deflate, and insist on it
  double rate = 2000;               // events per second over all devices; 0: none
  bool flat_out = false;            // as fast as the publishing connection takes them
  std::size_t burst = 1;            // events published at the same time
  double warm_up = 0.5;             // seconds that are checked but not measured
  double seconds = 5;               // measured
  double drain = 3;                 // longest wait for what is under way, after the last progress
  double churn = 0;                 // connections replaced per second
  double report_every = 0;          // seconds between memory readings; 0: none
  double deadline = 60;             // until every client is ready
  int cpu = -1;                     // the core to stay on
  std::vector<int> server_pids;
};

// Throws std::invalid_argument with a sentence for the user.
Options parse_options(int argc, char** argv);

}  // namespace pulsegate::bench
