// Looking a device up, and fanning out to receivers whose outboxes are emptied after each batch.
#include <benchmark/benchmark.h>

#include "tests/bench/micro/hub_world.hpp"

namespace {

using namespace pulsegate::bench;

// An event for one of many devices: topic, look-up, parser, and a single client.
void event_among_devices(benchmark::State& state) {
  const auto devices = static_cast<std::size_t>(state.range(0));
  HubWorld world(devices, 1);
  const Batch batch(devices, 1, 1);
  std::size_t i = 0;
  for (auto _ : state) {
    // A stride visits the devices in an order that no cache foresees.
    i = (i + 7919) % devices;
    world.advance(std::chrono::seconds(1));
    world.hub().on_event(world.topics[i], batch.payloads[i]);
    world.hub().on_batch_end(false);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(event_among_devices)->Arg(100)->Arg(10'000);

// Items are deliveries. Arguments: clients of the device, events in a batch.
void fan_out(benchmark::State& state) {
  const auto burst = static_cast<std::size_t>(state.range(1));
  HubWorld world(1, static_cast<std::size_t>(state.range(0)));
  const Batch batch(1, burst, 1);
  for (auto _ : state) {
    for (const std::string& payload : batch.payloads) world.hub().on_event(world.topics[0], payload);
    world.hub().on_batch_end(false);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(fan_out)->Args({10, 1})->Args({1'000, 1})->Args({10'000, 1})->Args({1'000, 10});

}  // namespace
