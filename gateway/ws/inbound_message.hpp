// websocketpp's message policy, bounded. The library compares a message's size with its limit after an addition that
// can overflow, so that a fragment followed by a continuation of 2^64-1 bytes passes and grows without end. Here a
// payload stops growing at the cap, whatever a frame header declares, and memory is taken only for bytes that have
// arrived. A compressed message is kept as it came: it is inflated whole, and bounded, by the connection (Inflater).
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include <websocketpp/frame.hpp>

namespace pulsegate::ws {

class InboundMessage;

// websocketpp's con_msg_manager. Thread: the connection's shard. Owner: one connection.
class InboundMessages {
 public:
  using ptr = std::shared_ptr<InboundMessages>;
  using message_ptr = std::shared_ptr<InboundMessage>;

  // For control frames that websocketpp sends.
  message_ptr get_message();
  // For a frame that begins to arrive.
  message_ptr get_message(websocketpp::frame::opcode::value opcode, std::size_t declared_size);

  void set_cap(std::size_t bytes) noexcept { cap_ = bytes; }
  // A data message began to arrive and was not delivered yet.
  bool receiving() const noexcept { return receiving_; }
  void delivered() noexcept { receiving_ = false; }
  // A payload tried to grow past the cap: the connection must be failed with 1009.
  bool overflowed() const noexcept { return overflowed_; }

 private:
  friend class InboundMessage;

  std::size_t cap_ = 0;  // bytes of payload
  bool receiving_ = false;
  bool overflowed_ = false;
  std::string scratch_;  // takes, and forgets, what a payload must not hold
};

// websocketpp's message: what arrives, and the control frames that the library itself sends.
// Invariant: payload_ holds at most the cap and one read buffer.
class InboundMessage {
 public:
  using ptr = std::shared_ptr<InboundMessage>;
  using opcode_type = websocketpp::frame::opcode::value;

  InboundMessage(InboundMessages& messages, opcode_type opcode, std::size_t declared_size)
      : messages_(messages), opcode_(opcode) {
    payload_.reserve(std::min<std::size_t>(declared_size, 256));
  }

  InboundMessages& messages() const noexcept { return messages_; }

  const std::string& get_payload() const noexcept { return payload_; }
  // Where websocketpp appends what it has read.
  std::string& get_raw_payload() {
    if (payload_.size() <= messages_.cap_) return payload_;
    messages_.overflowed_ = true;
    messages_.scratch_.clear();
    return messages_.scratch_;
  }
  void set_payload(const std::string& payload) { payload_ = payload; }
  void append_payload(const std::string& more) { get_raw_payload().append(more); }
  void append_payload(const void* more, std::size_t size) {
    get_raw_payload().append(static_cast<const char*>(more), size);
  }

  const std::string& get_header() const noexcept { return header_; }
  void set_header(const std::string& header) { header_ = header; }
  // Compressed text is binary to the library, which would look for UTF-8 in it; see is_text().
  opcode_type get_opcode() const noexcept { return compressed_ ? websocketpp::frame::opcode::binary : opcode_; }
  bool is_text() const noexcept { return opcode_ == websocketpp::frame::opcode::text; }
  void set_opcode(opcode_type opcode) noexcept { opcode_ = opcode; }
  bool get_prepared() const noexcept { return prepared_; }
  void set_prepared(bool prepared) noexcept { prepared_ = prepared; }
  bool get_terminal() const noexcept { return terminal_; }
  void set_terminal(bool terminal) noexcept { terminal_ = terminal; }
  bool get_fin() const noexcept { return true; }
  // What the library would inflate piece by piece: nothing.
  bool get_compressed() const noexcept { return false; }
  // RSV1 of the first frame, set only where compression was negotiated.
  void set_compressed(bool compressed) noexcept { compressed_ = compressed; }
  bool is_compressed() const noexcept { return compressed_; }

 private:
  InboundMessages& messages_;  // lives as long as the connection, which holds every message
  std::string header_;
  std::string payload_;
  opcode_type opcode_;
  bool prepared_ = false;
  bool terminal_ = false;
  bool compressed_ = false;
};

inline InboundMessages::message_ptr InboundMessages::get_message() {
  return std::make_shared<InboundMessage>(*this, websocketpp::frame::opcode::close, 0);
}

inline InboundMessages::message_ptr InboundMessages::get_message(websocketpp::frame::opcode::value opcode,
                                                                 std::size_t declared_size) {
  auto message = std::make_shared<InboundMessage>(*this, opcode, declared_size);
  if (!websocketpp::frame::opcode::is_control(opcode)) receiving_ = true;
  return message;
}

}  // namespace pulsegate::ws
