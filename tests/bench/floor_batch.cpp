// The floor of a server that gathers: all messages of one read of 1 MB from Redis leave in one write per client.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

#include "tests/bench/floor/floor_server.hpp"

namespace {

using namespace pulsegate::bench;

class FloorBatch final : public FloorServer {
 public:
  using FloorServer::FloorServer;

 private:
  static constexpr std::size_t kMostPieces = 1024;  // IOV_MAX

  void on_frame(FloorDevice& device, const std::string& frame) override {
    if (device.frames.empty()) touched_.push_back(&device);
    device.frames.push_back(frame);
  }

  void on_batch_end() override {
    for (FloorDevice* device : touched_) {
      for (std::size_t from = 0; from < device->frames.size(); from += kMostPieces) {
        gather(*device, from);
        for (FloorClient* client : device->clients) write(*client);
      }
      device->frames.clear();
    }
    touched_.clear();
  }

  void gather(FloorDevice& device, std::size_t from) {
    pieces_.clear();
    const std::size_t end = std::min(device.frames.size(), from + kMostPieces);
    for (std::size_t i = from; i < end; ++i) pieces_.push_back({device.frames[i].data(), device.frames[i].size()});
  }

  void write(FloorClient& client) {
    msghdr message{};
    message.msg_iov = pieces_.data();
    message.msg_iovlen = pieces_.size();
    ssize_t sent = 0;
    if (client.unsent.empty()) sent = ::sendmsg(client.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    std::size_t taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    for (const iovec& piece : pieces_) {
      const std::size_t of_this = std::min(taken, piece.iov_len);
      taken -= of_this;
      keep(client, {static_cast<const char*>(piece.iov_base) + of_this, piece.iov_len - of_this});
    }
  }

  std::vector<FloorDevice*> touched_;
  std::vector<iovec> pieces_;
};

}  // namespace

int main(int argc, char** argv) {
  const FloorPorts ports = floor_ports(argc, argv);
  FloorBatch(ports.own, ports.redis).run();
}
