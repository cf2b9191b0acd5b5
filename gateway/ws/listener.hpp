// Accepts client sockets, reads the PROXY header where the peer is a proxy that sends one, and steers each socket to
// the shard of its device. A plain Asio acceptor with a back-off of its own: the library's accept loop spins when file
// descriptors run out.
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

#include "gateway/access/ip_address.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/log.hpp"
#include "gateway/reserve_descriptor.hpp"
#include "gateway/ws/arrival.hpp"
#include "gateway/ws/listener_counters.hpp"

namespace pulsegate::ws {

struct ListenerConfig {
  std::string host;        // numeric, or a name that resolves here
  std::uint16_t port = 0;  // 0: the system chooses
  std::size_t shards = 1;
  int backlog = 4096;                              // capped by net.core.somaxconn
  std::chrono::milliseconds accept_pause{100};     // after accept() failed, for instance with EMFILE
  double accept_rate = 0;                          // sockets a second, as many at once; more wait in the kernel. 0: any
  std::chrono::milliseconds steer_timeout{5'000};  // for the PROXY header, and the request line with several shards
  std::size_t max_steering = 4096;                 // sockets that wait for these; more are closed
  access::NetworkList proxy_protocol;              // peers that must send a PROXY header; nobody else may
};

// What becomes of a socket. All of them run on the listener's thread.
struct ListenerCalls {
  // Takes over the socket. `shard`: where its device lives.
  std::function<void(asio::ip::tcp::socket socket, std::size_t shard, Arrival arrival)> hand_over;
  // Its source is known. False: it is reset at once. One that is to be refused is not steered. Empty: all are admitted.
  std::function<bool(Arrival& arrival)> admit;
  // Its request line did not come in time. May be empty.
  std::function<void(const access::IpAddress& source)> blame;
};

// Thread: the io_context's thread only. Owner: Server.
// Invariants: 1. It looks at as much of a request line as the endpoint would read of it, so that a device that is
// accepted was steered to its shard. 2. Of a PROXY header not a byte is left in the stream, and nothing else is taken
// out of it. 3. After close() nothing of it keeps the io_context running.
class Listener {
 public:
  // Binds and listens; throws std::runtime_error with one sentence that names the address when that fails.
  Listener(asio::io_context& io, const ListenerConfig& config, ListenerCalls calls);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "127.0.0.1:8080", with the port that is really in use.
  std::string address() const;
  // No further accepts; sockets that are being steered are dropped. Idempotent.
  void close();
  // Sockets that were admitted and are not handed over yet, or that wait for their PROXY header.
  std::size_t waiting() const noexcept { return steering_.size(); }
  const ListenerCounters& counters() const noexcept { return counters_; }

 private:
  struct Steering;
  using SteeringPtr = std::shared_ptr<Steering>;

  void accept();
  void accept_at_rate();
  void rest(std::chrono::milliseconds pause, void (Listener::*then)());
  void on_accept_failed(const asio::error_code& error);
  void refuse_by_reserve();
  void take(asio::ip::tcp::socket socket, const access::IpAddress& peer);
  // listener_steering.cpp
  void wait(asio::ip::tcp::socket socket, Arrival arrival, bool proxy_header);
  void peek(const SteeringPtr& steering);
  void read_proxy_header(const SteeringPtr& steering, std::string_view bytes);
  void read_request_line(const SteeringPtr& steering, std::string_view bytes);
  void wait_for_first_byte(const SteeringPtr& steering);
  void look_again_later(const SteeringPtr& steering);
  void hand_over(const SteeringPtr& steering, std::size_t shard);
  void fail(const SteeringPtr& steering);
  // Closes the socket unless it was handed over. What is still queued for it does nothing any more.
  void forget(const SteeringPtr& steering);

  asio::io_context& io_;
  const ListenerConfig config_;
  const ListenerCalls calls_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  access::RateBucket rate_;
  ReserveDescriptor reserve_;
  ListenerCounters counters_;
  std::list<SteeringPtr> steering_;  // all that are not ended
  std::size_t next_fleet_ = 0;       // which shard gets the next fleet socket
  log::RateLimited log_;             // whoever holds all descriptors must not fill the disk with that, too
  std::vector<char> peeked_;         // kMaxRequestHead bytes, where something is looked at
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The shard of a request, from its first line "GET <target> HTTP/1.1": by its device, else 0; of the fleet endpoint the
// one that `next_fleet` says, which is moved on.
std::size_t shard_of_request_line(std::string_view line, std::size_t shards, std::size_t& next_fleet);

}  // namespace pulsegate::ws
