// A Redis connection's bytes, fed in chunks: however they are cut, the replies are the same, and memory is bounded. The
// first byte chooses the reader (that of a subscriber, that of streams, or that of
// questions about a topology, whose answers are then read as the slots of a cluster), the second the size of the
// chunks.
#include <memory>
#include <string>
#include <vector>

#include "bus/resp_reader.hpp"
#include "bus/slot_map.hpp"
#include "bus/stream_reply_reader.hpp"
#include "bus/value_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr std::size_t kMaxPayload = 512;  // bytes; small, so that inputs exceed it

class Recorder final : public bus::ReplyHandler {
 public:
  bool on_reply(const bus::Reply& reply) override {
    must_hold(reply.kind != bus::ReplyKind::message || reply.text.size() <= kMaxPayload, "a payload is bounded");
    std::string text = std::to_string(static_cast<int>(reply.kind)) + '|' + std::to_string(reply.number) + '|';
    text.append(reply.topic).append("|").append(reply.text);
    if (reply.range != nullptr) {
      must_hold(reply.range->entries.size() + reply.range->oversized <= reply.range->returned,
                "a range has no entries that were not returned");
      for (const bus::StreamEntry& entry : reply.range->entries) {
        must_hold(entry.data.size() <= kMaxPayload, "the data of an entry is bounded");
        text += '|' + std::to_string(entry.time.time_since_epoch().count()) + '|' + entry.data;
      }
    }
    if (reply.value != nullptr) note(*reply.value, text);
    replies.push_back(std::move(text));
    return true;
  }

  std::vector<std::string> replies;

 private:
  static void note(const bus::RedisValue& value, std::string& text) {
    append(value, text);
    bus::SlotMap map;
    const std::string fault = map.read(value, value, {"10.0.0.1", 6379});
    must_hold(!fault.empty() || !map.empty(), "a map that can be read has nodes");
    must_hold(map.nodes().size() <= bus::SlotMap::kMaxNodes, "nodes are bounded");
    constexpr std::uint16_t kSlots[] = {0, 1, 8'192, 16'383};
    for (const std::uint16_t slot : kSlots)
      if (const auto* owner = map.owner(slot)) must_hold(map.has(*owner), "a slot is held by a node");
    (void)bus::parse_redirect(value.text, {"10.0.0.1", 6379});
    must_hold(bus::slot_of(value.text) < bus::kSlots, "a slot is one of those");
  }
  static void append(const bus::RedisValue& value, std::string& text) {
    text += '(' + std::to_string(static_cast<int>(value.type)) + value.text + std::to_string(value.integer);
    for (const bus::RedisValue& item : value.items) append(item, text);
    text += ')';
  }
};

std::unique_ptr<bus::ReplyReader> make_reader(unsigned kind) {
  if (kind == 0 || kind == 2) return std::make_unique<bus::RespReader>(kMaxPayload);
  if (kind == 3) return std::make_unique<bus::ValueReader>(bus::ValueLimits{4096, 64});
  bus::StreamReplyLimits limits;
  limits.max_payload = kMaxPayload;
  limits.max_reply = 4096;
  limits.max_entries = 8;
  return std::make_unique<bus::StreamReplyReader>(limits);
}

// Returns whether the stream was readable to its end.
bool feed(bus::ReplyReader& reader, std::string_view bytes, std::size_t chunk, Recorder& recorder) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, chunk);
    bytes.remove_prefix(piece.size());
    const bus::ReplyReader::Outcome outcome = reader.feed(piece, recorder);
    must_hold((outcome == bus::ReplyReader::Outcome::failed) != reader.error().empty(), "a failure says why");
    if (const auto* resp = dynamic_cast<const bus::RespReader*>(&reader))
      must_hold(resp->buffered() <= kMaxPayload + bus::RespReader::kSlack + bus::RespReader::kSlice,
                "what is held for a reply is bounded");
    if (outcome != bus::ReplyReader::Outcome::ok) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned kind = input.byte() & 3U;
  const std::size_t chunk = std::size_t{input.byte()} + 1;
  const std::string_view bytes = input.rest();

  Recorder whole;
  Recorder pieces;
  const auto first = make_reader(kind);
  const auto second = make_reader(kind);
  const bool readable = feed(*first, bytes, std::max<std::size_t>(bytes.size(), 1), whole);
  const bool again = feed(*second, bytes, chunk, pieces);
  if (readable && again) must_hold(whole.replies == pieces.replies, "however bytes are cut, replies are the same");
  // What is cut small may be found wrong later, never earlier than a reply that was complete.
  const std::size_t common = std::min(whole.replies.size(), pieces.replies.size());
  for (std::size_t i = 0; i < common; ++i) must_hold(whole.replies[i] == pieces.replies[i], "replies keep their order");
  return 0;
}
