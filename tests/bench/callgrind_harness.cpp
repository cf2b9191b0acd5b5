// An event in, hub, outbox, and out: no socket, no clock, no Redis. Run under callgrind it tells how many instructions
// a delivery costs, which is the same on a busy machine and on a quiet one. callgrind_check runs it.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/micro/hub_world.hpp"

using namespace pulsegate::bench;

// What callgrind counts; its name is in callgrind_check. The batches were rendered before.
extern "C" [[gnu::noinline]] void pulsegate_measured(HubWorld& world, const std::vector<Batch>& batches) {
  for (const Batch& batch : batches) {
    for (std::size_t i = 0; i < batch.payloads.size(); ++i)
      world.hub().on_event(world.topics[i % world.topics.size()], batch.payloads[i]);
    world.hub().on_batch_end(false);
  }
}

// callgrind_harness DEVICES CLIENTS-OF-EACH BATCHES EVENTS-OF-EACH-DEVICE-IN-A-BATCH
int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s DEVICES CLIENTS BATCHES BURST\n", argv[0]);
    return 2;
  }
  const auto number = [argv](int i) { return static_cast<std::size_t>(std::strtoul(argv[i], nullptr, 10)); };
  const std::size_t devices = number(1), batches = number(3), burst = number(4);
  HubWorld world(devices, number(2));

  const auto render = [&](std::size_t from, std::size_t count) {
    std::vector<Batch> rendered;
    for (std::size_t i = 0; i < count; ++i) rendered.emplace_back(devices, burst, (from + i) * burst);
    return rendered;
  };
  // The first batch allocates what lasts; it is not counted.
  const std::vector<Batch> first = render(0, 1);
  for (std::size_t i = 0; i < first[0].payloads.size(); ++i)
    world.hub().on_event(world.topics[i % devices], first[0].payloads[i]);
  world.hub().on_batch_end(false);
  const std::uint64_t before = world.deliveries();

  const std::vector<Batch> measured = render(1, batches);
  pulsegate_measured(world, measured);
  std::printf("deliveries %llu\nevents %zu\n", static_cast<unsigned long long>(world.deliveries() - before),
              batches * burst * devices);
}
