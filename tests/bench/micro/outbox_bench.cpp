// One session's queue: the undisturbed way, and a client so slow that values are conflated.
#include <benchmark/benchmark.h>

#include <string>

#include "gateway/ws/outbox.hpp"

namespace {

using namespace pulsegate;

// Items are frames.
void push_and_take(benchmark::State& state) {
  ws::Outbox outbox{ws::OutboxLimits{}};
  const FramePtr frame = Frame::text(std::string(1260, 'x'));
  iovec pieces[64];
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) outbox.push(frame, 1);
    while (!outbox.empty()) {
      std::size_t bytes = 0;
      const std::size_t count = outbox.gather(pieces, 64);
      for (std::size_t i = 0; i < count; ++i) bytes += pieces[i].iov_len;
      outbox.consume(bytes, SteadyTime{});
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(push_and_take)->Arg(1)->Arg(10);

void push_while_conflating(benchmark::State& state) {
  ws::Outbox outbox{ws::OutboxLimits{}};
  const FramePtr frame = Frame::text(std::string(1260, 'x'));
  std::uint32_t key = 0;
  for (auto _ : state) {
    key = key % 5 + 1;
    benchmark::DoNotOptimize(outbox.push(frame, key));
  }
}
BENCHMARK(push_while_conflating);

// A fleet socket that takes nothing, with so many values of its devices in the queue.
void push_while_conflating_a_fleet(benchmark::State& state) {
  const auto values = static_cast<std::uint32_t>(state.range(0));
  ws::Outbox outbox{ws::OutboxLimits{}};
  ws::OutboxLimits limits;
  limits.close_above = std::size_t{1} << 30;
  outbox.make_room(limits, values);
  const FramePtr frame = Frame::text(std::string(1260, 'x'));
  std::uint32_t key = 0;
  for (auto _ : state) {
    key = key % values + 1;
    benchmark::DoNotOptimize(outbox.push(frame, key));
  }
}
BENCHMARK(push_while_conflating_a_fleet)->Arg(128)->Arg(1024);

}  // namespace
