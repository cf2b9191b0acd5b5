// Accepts client sockets and steers each to the shard of its device. A plain Asio acceptor with a back-off of its own:
// the library's accept loop spins when file descriptors run out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

namespace pulsegate::ws {

struct ListenerConfig {
  std::string host;        // numeric, or a name that resolves here
  std::uint16_t port = 0;  // 0: the system chooses
  std::size_t shards = 1;
  int backlog = 4096;                              // capped by net.core.somaxconn
  std::chrono::milliseconds accept_pause{100};     // after accept() failed, for instance with EMFILE
  std::chrono::milliseconds steer_timeout{5'000};  // for the request line, with several shards
  std::size_t max_steering = 4096;                 // sockets that wait for it; more are closed
};

struct ListenerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t failures = 0;        // accept() failed
  std::uint64_t steer_failures = 0;  // no request line in time, or too many wait for theirs
};

// Thread: the io_context's thread only. Owner: Server.
// Invariants: 1. It looks at as much of a request line as the endpoint would read of it, so that a device that is
// accepted was steered to its shard. 2. After close() nothing of it keeps the io_context running.
class Listener {
 public:
  // Takes over the socket. `shard`: where its device lives. Runs on the listener's thread.
  using HandOver = std::function<void(asio::ip::tcp::socket socket, std::size_t shard)>;

  // Binds and listens; throws std::runtime_error with one sentence that names the address when that fails.
  Listener(asio::io_context& io, const ListenerConfig& config, HandOver hand_over);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "127.0.0.1:8080", with the port that is really in use.
  std::string address() const;
  // No further accepts; sockets that are being steered are dropped. Idempotent.
  void close();
  const ListenerCounters& counters() const noexcept { return counters_; }

 private:
  struct Steering;
  using SteeringPtr = std::shared_ptr<Steering>;

  void accept();
  void steer(asio::ip::tcp::socket socket);
  void peek(const SteeringPtr& steering);
  void wait_for_first_byte(const SteeringPtr& steering);
  void look_again_later(const SteeringPtr& steering);
  void fail(const SteeringPtr& steering);
  // Closes the socket unless it was handed over. What is still queued for it does nothing any more.
  void forget(const SteeringPtr& steering);

  asio::io_context& io_;
  const ListenerConfig config_;
  HandOver hand_over_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  ListenerCounters counters_;
  std::list<SteeringPtr> steering_;  // all that are not ended
  std::vector<char> peeked_;         // kMaxRequestHead bytes, with several shards
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The shard of a request, from its first line "GET <target> HTTP/1.1": by its device, else 0. Pure.
std::size_t shard_of_request_line(std::string_view line, std::size_t shards) noexcept;

}  // namespace pulsegate::ws
