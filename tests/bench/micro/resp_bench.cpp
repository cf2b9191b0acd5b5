// Reading published messages off a Redis connection, in reads of 64 KB.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

#include "bus/resp_reader.hpp"
#include "tests/bench/load/event.hpp"

namespace {

using namespace pulsegate;

class Counter final : public bus::ReplyHandler {
 public:
  bool on_reply(const bus::Reply& reply) override {
    messages += reply.kind == bus::ReplyKind::message ? 1 : 0;
    return true;
  }
  std::int64_t messages = 0;
};

void read_messages(benchmark::State& state) {
  constexpr std::size_t kRead = 64 * 1024;
  bench::EventWriter writer(bench::PublishForm::payload);
  std::string stream;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string payload(writer.render(i, i, i));
    stream += "*3\r\n$7\r\nmessage\r\n$51\r\ndevice:" + bench::device_uuid(i) + ":metrics\r\n$";
    stream += std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  }
  bus::RespReader reader(256 * 1024);
  Counter counter;
  for (auto _ : state) {
    for (std::size_t at = 0; at < stream.size(); at += kRead)
      reader.feed(std::string_view(stream).substr(at, kRead), counter);
  }
  if (counter.messages != state.iterations() * 500) state.SkipWithError("messages were lost");
  state.SetItemsProcessed(counter.messages);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}
BENCHMARK(read_messages);

}  // namespace
