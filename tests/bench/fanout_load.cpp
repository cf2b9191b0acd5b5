// The load generator: opens clients, publishes events, checks every delivery, and prints what it has found as JSON.
// Raw epoll and no library, since it shares a machine of two cores with the server that it measures.
#include <csignal>
#include <cstdio>
#include <exception>

#include "tests/bench/load/run.hpp"
#include "tests/bench/load/socket.hpp"

int main(int argc, char** argv) {
  using namespace pulsegate::bench;
  try {
    const Options options = parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit(options.clients + 64);
    stay_on_core(options.cpu);
    Run run(options);
    const Findings findings = run.execute();
    std::printf("%s\n", to_json(options, run, findings).c_str());
    return findings.ready ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout_load: %s\n", error.what());
    return 2;
  }
}
