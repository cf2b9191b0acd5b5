// The event parser, the message builder and the topic table.
#include <benchmark/benchmark.h>

#include "gateway/frame.hpp"
#include "proto/bus_event.hpp"
#include "proto/message.hpp"
#include "proto/topic.hpp"
#include "tests/bench/load/event.hpp"

namespace {

using namespace pulsegate;

void parse_metrics_event(benchmark::State& state) {
  bench::EventWriter writer(bench::PublishForm::payload);
  const std::string payload(writer.render(1, 1, 1));
  proto::BusEventParser parser(256 * 1024);
  proto::BusEvent event;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(proto::TopicKind::metrics, payload, event));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(payload.size()));
}
BENCHMARK(parse_metrics_event);

void build_metrics_message(benchmark::State& state) {
  bench::EventWriter writer(bench::PublishForm::payload);
  const std::string payload(writer.render(1, 1, 1));
  proto::BusEventParser parser(256 * 1024);
  proto::BusEvent event;
  parser.parse(proto::TopicKind::metrics, payload, event);
  const auto device = *proto::DeviceId::parse(bench::device_uuid(1));
  std::string out;
  for (auto _ : state) {
    out.clear();
    proto::append_verbatim(out, "metrics", device, *event.timestamp, event.object);
    benchmark::DoNotOptimize(Frame::text(out));
  }
}
BENCHMARK(build_metrics_message);

void parse_topic(benchmark::State& state) {
  const proto::ChannelTable channels;
  const proto::TopicTable table("", channels);
  const std::string topic = "device:" + bench::device_uuid(77) + ":metrics";
  for (auto _ : state) benchmark::DoNotOptimize(table.parse(topic));
}
BENCHMARK(parse_topic);

}  // namespace
