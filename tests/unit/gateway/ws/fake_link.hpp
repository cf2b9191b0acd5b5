// A link that remembers what it was given, over an outbox of its own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/ws/link.hpp"
#include "tests/unit/gateway/devices/hub_fixture.hpp"

namespace pulsegate::test {

using ws::Outbox;

class FakeLink final : public ws::Link {
 public:
  Outbox::Push send(FramePtr frame, ws::ConflationKey key) override {
    messages.push_back(Json::parse(frame->payload()));
    last = &*frame;
    return outbox.push(std::move(frame), key);
  }
  void send_apart(FramePtr frame) override {
    messages.push_back(Json::parse(frame->payload()));
    outbox.push_apart(std::move(frame));
  }
  bool answering() const noexcept override { return outbox.holds_apart(); }
  void make_room(std::size_t devices) override {
    outbox.make_room(ws::limits_for(conflate_soon(), devices),
                     static_cast<ws::ConflationKey>(devices * ws::kMaxConflationKey));
  }
  void forget(ws::ConflationKey from, ws::ConflationKey to) override { outbox.forget(from, to); }
  void close(proto::CloseCode code) override { closed = code; }
  bool closing() const noexcept override { return closed.has_value(); }
  std::size_t backlog() const noexcept override { return outbox.backlog(); }
  std::string_view id() const noexcept override { return "test-1"; }

  std::vector<std::string> take_types() {
    std::vector<std::string> types;
    for (const Json& message : std::exchange(messages, {})) types.push_back(message.type());
    return types;
  }

  Outbox outbox{conflate_soon()};
  std::vector<Json> messages;   // all that were sent, those that the outbox dropped later included
  const Frame* last = nullptr;  // to tell it from others, while the outbox holds it
  std::optional<proto::CloseCode> closed;

 private:
  static ws::OutboxLimits conflate_soon() {
    ws::OutboxLimits limits;
    limits.conflate_above = 2'000;  // bytes: some ten messages
    return limits;
  }
};

}  // namespace pulsegate::test
