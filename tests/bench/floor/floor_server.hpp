// What the two floors share: accept, a handshake without a check, one pattern subscription, RESP by constant offsets.
// No feature whatsoever: what remains is the price of the kernel's sockets, below which no server can go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pulsegate::bench {

struct FloorDevice;

struct FloorClient {
  int fd = -1;
  std::string request;   // of the handshake
  std::string unsent;    // what the socket did not take
  std::size_t sent = 0;  // of unsent
  bool waits_for_room = false;
  FloorDevice* device = nullptr;
};

struct FloorDevice {
  std::vector<FloorClient*> clients;
  std::vector<std::string> frames;  // of the current batch, by floors that gather
};

// Thread: one, for ever; whoever started it ends it with a signal.
class FloorServer {
 public:
  FloorServer(std::uint16_t port, std::uint16_t redis_port);
  virtual ~FloorServer();
  FloorServer(const FloorServer&) = delete;
  FloorServer& operator=(const FloorServer&) = delete;

  void run();

 protected:
  // `frame`: WebSocket header and message, ready to send; valid during the call.
  virtual void on_frame(FloorDevice& device, const std::string& frame) = 0;
  // Everything of one read from Redis has been seen.
  virtual void on_batch_end() {}

  // Keeps what a socket did not take, up to 1 MB per client; more is lost, which the generator sees.
  void keep(FloorClient& client, std::string_view rest);

 private:
  void accept_all();
  void on_client(FloorClient& client, std::uint32_t events);
  void on_handshake(FloorClient& client);
  void close(FloorClient& client);
  void connect_redis();
  void on_redis();
  // Returns how many bytes of `text` were whole messages.
  std::size_t scan(std::string_view text);
  void on_event(std::string_view topic, std::string_view payload);
  void watch(FloorClient& client, bool for_room);

  const std::uint16_t redis_port_;
  int epoll_, listener_, redis_ = -1;
  std::vector<char> input_;  // 1 MB: the size of a read is the size of a batch
  std::size_t kept_ = 0;     // bytes of an incomplete message at its beginning
  std::string frame_;
  std::unordered_map<std::string, FloorDevice> devices_;
};

// The ports of `FLOOR --port N --redis-port N`; exits with 2 when they are not there.
struct FloorPorts {
  std::uint16_t own, redis;
};
FloorPorts floor_ports(int argc, char** argv);

}  // namespace pulsegate::bench
