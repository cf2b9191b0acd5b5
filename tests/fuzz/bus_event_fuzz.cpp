// What the API server publishes, or anybody else who may publish on that Redis. The first byte chooses the kind.
#include <cmath>
#include <string>

#include "proto/bus_event.hpp"
#include "proto/cursor.hpp"
#include "proto/message.hpp"
#include "proto/server_message.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_check.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr std::size_t kCap = 4096;  // bytes; small, so that inputs reach it

const proto::DeviceId& device() {
  static const proto::DeviceId id = *proto::DeviceId::parse("0f8fad5b-d9cb-469f-a165-70867728950e");
  return id;
}

void check_slice(std::string_view payload, std::string_view slice) {
  if (slice.empty()) return;
  must_hold(slice.data() >= payload.data() && slice.data() + slice.size() <= payload.data() + payload.size(),
            "a slice lies within the payload");
  must_hold(fuzz::is_json(slice), "a slice is a JSON value");
}

// What is made of an event is a message that clients can read.
void check_message(const std::string& text, const char* type) {
  const auto message = proto::parse_server_message(text);
  must_hold(message && message->type == type && message->device == device().text(),
            "what is spliced together is a message");
}

void check_trace(const proto::BusEvent& event) {
  must_hold(event.trace.empty() || proto::is_traceparent(event.trace.parent), "a parent is one");
  must_hold(event.trace.state.empty() || proto::is_tracestate(event.trace.state), "a state is one");
  must_hold(event.trace.state.empty() || !event.trace.empty(), "no state without a parent");
  must_hold((event.trace_finding == proto::TraceFinding::taken) <= !event.trace.empty(), "what is taken is there");
}

void check_sample(const proto::BusEvent& event) {
  for (std::size_t i = 0; i < proto::kMetricCount; ++i) {
    const auto& value = event.values[static_cast<proto::Metric>(i)];
    must_hold(std::isfinite(value.value), "a metric is a finite number");
  }
  const proto::Cursor cursor{event.timestamp.value_or(proto::Timestamp{}), proto::sample_digest(event.values), 0};
  std::string text;
  proto::append_cursor(text, cursor);
  const auto back = proto::parse_cursor(text);
  must_hold(text.size() == proto::kCursorSize && back && *back == cursor, "a cursor reads back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr proto::TopicKind kKinds[] = {proto::TopicKind::metrics, proto::TopicKind::state,
                                         proto::TopicKind::broadcast, proto::TopicKind::pass_through};
  fuzz::Input input(data, size);
  const proto::TopicKind kind = kKinds[input.byte() % std::size(kKinds)];
  const std::string_view payload = input.rest();

  static proto::BusEventParser parser(kCap, true);
  proto::BusEvent event;
  const proto::BusEventError error = parser.parse(kind, payload, event);
  must_hold((payload.size() > kCap) == (error == proto::BusEventError::too_big), "the cap holds exactly");
  if (error != proto::BusEventError::none) {
    must_hold(!proto::name(error).empty(), "every error has a name");
    return 0;
  }

  must_hold(fuzz::is_json(payload), "what is taken is JSON");
  check_slice(payload, event.object);
  check_slice(payload, event.top_processes);
  check_slice(payload, event.network_interfaces);
  must_hold(!event.object.empty(), "an event has an object");
  check_trace(event);
  const proto::Timestamp time = event.timestamp.value_or(proto::Timestamp{});
  if (kind == proto::TopicKind::metrics) check_sample(event);
  if (kind == proto::TopicKind::metrics || kind == proto::TopicKind::state) {
    std::string text;
    proto::append_verbatim(text, "metrics", device(), time, event.object, {}, event.trace);
    check_message(text, "metrics");
  }
  if (!event.top_processes.empty()) {
    std::string text;
    proto::append_processes(text, device(), time, event.top_processes, event.trace);
    check_message(text, "processes");
  }
  if (kind == proto::TopicKind::state) {
    std::string text;
    proto::append_system_info(text, device(), time, event.system, event.trace);
    check_message(text, "system-info");
  }
  return 0;
}
