// One dashboard: handshake, `subscribe`, and then every message checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/load/frame_scanner.hpp"
#include "tests/bench/load/head_inflater.hpp"
#include "tests/bench/load/latency.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/sequence.hpp"

namespace pulsegate::bench {

// What all clients count together.
struct ClientCounts {
  SequenceCounts events;
  std::uint64_t bytes = 0;   // payloads of events, as they came
  std::uint64_t gaps = 0;    // `gap` notices: the server has dropped something and says so
  std::uint64_t others = 0;  // messages of other types
  std::uint64_t closed = 0;  // by the server, or connections that broke
  int last_close_code = 0;
  std::string last_failure;
  HeadInflater heads;
  LatencyHistogram latency;
  LatencyHistogram awaited;  // from the start of the connection to the awaited message
};

// Owner: the fleet.
class Client {
 public:
  enum class State : std::uint8_t { idle, connecting, shaking_hands, subscribing, ready, closed };

  State state() const noexcept { return state_; }
  bool ready() const noexcept { return state_ == State::ready; }
  bool awaiting() const noexcept { return awaiting_; }
  int fd() const noexcept { return fd_; }
  std::size_t device() const noexcept { return device_; }
  SequenceCheck& sequence() noexcept { return sequence_; }

  // Begins to connect. `first`: the sequence number that the run starts with.
  void open(const Options& options, std::size_t device, std::uint64_t first, bool joins_late, std::uint64_t now);
  // The socket is connected, or has bytes.
  void on_connected(const Options& options);
  void on_bytes(const char* data, std::size_t size, const Options& options, ClientCounts& counts, std::uint64_t now);
  void on_failure(std::string_view why, ClientCounts& counts);
  void close() noexcept;

 private:
  std::size_t take_handshake(const char* data, std::size_t size, const Options& options, ClientCounts& counts);
  void on_message(std::string_view head, std::uint64_t size, const Options& options, ClientCounts& counts,
                  std::uint64_t now);
  void send_frame(unsigned opcode, std::string_view payload);

  int fd_ = -1;
  State state_ = State::idle;
  bool awaiting_ = false;
  std::uint32_t device_ = 0;
  std::uint64_t opened_at_ = 0;
  SequenceCheck sequence_;
  FrameScanner scanner_;
  std::string response_;  // of the handshake, until it is complete
};

}  // namespace pulsegate::bench
