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

}  // namespace
