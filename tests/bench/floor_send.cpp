// The floor of a server that sends each message as it comes: one send() per message and client.
#include <sys/socket.h>

#include "tests/bench/floor/floor_server.hpp"

namespace {

using namespace pulsegate::bench;

class FloorSend final : public FloorServer {
 public:
  using FloorServer::FloorServer;

 private:
  void on_frame(FloorDevice& device, const std::string& frame) override {
    for (FloorClient* client : device.clients) {
      ssize_t sent = 0;
      if (client->unsent.empty()) sent = ::send(client->fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      const std::size_t taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
      if (taken < frame.size()) keep(*client, std::string_view(frame).substr(taken));
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const FloorPorts ports = floor_ports(argc, argv);
  FloorSend(ports.own, ports.redis).run();
}
