// A client's byte stream into a session: the gateway's own transport, websocketpp's configuration, limits, session and
// hub, over a socket pair instead of a network. The first byte's bits: 1 a good handshake comes first, 2 with an offer
// of compression, 8 for many devices, 4 the rest are steps (frames, and what the bus and the database do meanwhile)
// instead of bytes. The second byte gives the size of the chunks that bytes are sent in.
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "gateway/access/gate.hpp"
#include "gateway/log.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/fleet_session.hpp"
#include "gateway/ws/session.hpp"
#include "proto/close_code.hpp"
#include "proto/server_message.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/ws_deflate.hpp"
#include "tests/support/ws_frame.hpp"
#include "tests/unit/gateway/devices/hub_fixture.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr int kDevice = 1;
constexpr std::size_t kMostReceived = 4 * 1024 * 1024;  // bytes of answers to one input
constexpr int kMostTurns = 100'000;                     // of the loop until it is idle

class World final : private ws::LinkFactory, private ws::HttpAnswerer {
 public:
  explicit World(bool compress) : endpoint_(io_, config(compress), *this, *this, gate_, hub_.clock) {
    int pair[2];
    must_hold(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "there are descriptors");
    client_ = pair[0];
    endpoint_.adopt(asio::ip::tcp::v4(), pair[1]);
    settle();
  }
  ~World() {
    if (client_ >= 0) ::close(client_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  test::HubFixture& hub() { return hub_; }

  void send(std::string_view bytes, std::size_t chunk) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, chunk);
      const ssize_t sent = ::send(client_, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return settle();  // the gateway has closed
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      settle();
    }
  }

  // Until nobody has anything to do.
  void settle() {
    for (int turn = 0;; ++turn) {
      must_hold(turn < kMostTurns, "the loop becomes idle");
      io_.restart();
      const std::size_t done = io_.poll() + hub_.tasks.run();
      if (done + receive() == 0) return;
    }
  }

  // The client goes away: nothing of it stays.
  void hang_up() {
    ::close(client_);
    client_ = -1;
    settle();
    const ws::EndpointCounters& counters = endpoint_.counters();
    must_hold(counters.sockets == 0 && counters.connections == 0 && counters.handshaking == 0, "no socket stays");
    must_hold(counters.backlog_bytes == 0, "no backlog stays");
    must_hold(hub_.hub->client_count(test::HubFixture::device(kDevice)) == 0, "no member stays");
    must_hold(counters_.fleet_connections == 0 && counters_.fleet_devices == 0, "no feed stays");
    must_hold(throttles_.waiting() == 0, "nothing is held back for nobody");
    must_hold(counters_.replays_open == 0 && counters_.replay_held_bytes == 0, "no replay stays");
  }

  void send_what_was_held() { throttles_.advance(); }

  const std::string& received() const { return received_; }

 private:
  static ws::ReplayRules for_all() {
    ws::ReplayRules rules;
    rules.right = ws::ReplayRight::all;
    return rules;
  }
  static ws::EndpointConfig config(bool compress) {
    ws::EndpointConfig config;
    config.compress = compress;
    return config;
  }

  std::unique_ptr<ws::LinkHandler> on_open(ws::Link& link, const access::Admission& admission,
                                           const Now& now) override {
    const ws::SessionParts parts{gate_, *hub_.hub, hub_.channels, counters_, throttles_, replays_, hub_.zone};
    if (admission.route == access::Route::fleet)
      return std::make_unique<ws::FleetSession>(link, admission, ws::SessionConfig{}, parts, now);
    return std::make_unique<ws::Session>(link, admission, ws::SessionConfig{}, parts, now);
  }
  Answer on_get(const access::Admission& request, const Now&, Done) override {
    return ws::HttpAnswer{200, '"' + std::to_string(request.query.size()) + '"', {}};
  }

  std::size_t receive() {
    if (client_ < 0) return 0;
    char buffer[4096];
    const ssize_t got = ::recv(client_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got <= 0) return 0;
    received_.append(buffer, static_cast<std::size_t>(got));
    must_hold(received_.size() <= kMostReceived, "answers are bounded");
    return static_cast<std::size_t>(got);
  }

  test::HubFixture hub_;
  SessionCounters counters_;
  ws::ThrottleQueue throttles_{hub_.clock, 100'000, [](SteadyTime) {}};
  ws::ReplayRules replays_ = for_all();
  access::Gate gate_;
  asio::io_context io_{1};
  ws::Endpoint endpoint_;
  int client_ = -1;
  std::string received_;
};

std::string handshake(bool compress, bool fleet) {
  const std::string path = fleet ? "" : "/devices/" + test::HubFixture::text(kDevice);
  std::string text = "GET /api/v1" + path +
                     "/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (compress) text += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  return text + "\r\n";
}

// A frame whose first byte is as it comes, masked with a key that changes nothing.
std::string frame(std::uint8_t first, std::string_view payload) {
  std::string bytes(1, static_cast<char>(first));
  bytes.push_back(static_cast<char>(0x80 | (payload.size() < 126 ? payload.size() : 126)));
  if (payload.size() >= 126) bytes.append({static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())});
  return bytes.append(4, '\0').append(payload);
}

void take_steps(World& world, fuzz::Input& input, std::size_t chunk) {
  test::HubFixture& hub = world.hub();
  const std::string topics[] = {"metrics", "state", "broadcast"};
  while (!input.empty()) {
    const std::uint8_t step = input.byte();
    const std::uint8_t detail = input.byte();
    switch (step % 10) {
      case 0:
        world.send(frame(0x81, input.take(detail)), chunk);
        break;
      case 1:
        world.send(frame(detail, input.take(input.byte())), chunk);
        break;
      case 2:
        world.send(input.take(detail), chunk);
        break;
      case 3:
        hub.advance(std::chrono::milliseconds(detail) * 100);
        world.send_what_was_held();
        break;
      case 4:
        hub.confirm_device(kDevice);
        break;
      case 5:
        hub.publish("device:" + test::HubFixture::text(kDevice) + ':' + topics[detail % 3],
                    std::string(input.take(detail)));
        break;
      case 6:
        hub.publish_metrics(kDevice, detail);
        break;
      case 7:
        while (hub.source.outstanding() > 0) hub.answer(hub.rows({1, 2, static_cast<double>(detail)}));
        break;
      case 8:
        detail % 2 == 0 ? hub.bus_down() : hub.bus_up();
        break;
      case 9:
        while (hub.source.outstanding() > 0) hub.fail();
        break;
    }
    world.settle();
  }
}

// Everything that the gateway sent: an HTTP answer, and whole frames after a 101.
void check_received(std::string bytes, bool compress) {
  if (bytes.empty()) return;
  must_hold(bytes.rfind("HTTP/1.1 ", 0) == 0, "the first answer is HTTP");
  const std::size_t head = bytes.find("\r\n\r\n");
  must_hold(head != std::string::npos, "a head has an end");
  const bool open = bytes.compare(9, 3, "101") == 0;
  bytes.erase(0, head + 4);
  if (!open) return;
  bool closed = false;
  while (const auto frame = test::decode_frame(bytes)) {
    must_hold(!closed, "nothing follows a close frame");
    must_hold(frame->fin && !frame->masked, "the gateway sends whole frames without a mask");
    must_hold(frame->rsv == 0 || (compress && frame->rsv == 4), "a reserved bit was agreed on");
    switch (frame->opcode) {
      case test::Opcode::text: {
        const std::string text = frame->rsv == 0 ? frame->payload : test::inflate_message(frame->payload).value_or("");
        must_hold(proto::parse_server_message(text).has_value(), "a text is a message that clients can read");
        break;
      }
      case test::Opcode::close: {
        closed = true;
        must_hold(frame->payload.size() != 1 && frame->payload.size() <= 125, "a close frame is within its bounds");
        if (frame->payload.empty()) break;
        const unsigned code =
            static_cast<std::uint8_t>(frame->payload[0]) * 256u + static_cast<std::uint8_t>(frame->payload[1]);
        must_hold(code >= 1000 && code < 5000 && code != 1004 && code != 1005 && code != 1006 && code != 1015,
                  "a close code is one that may be sent");
        break;
      }
      default:
        must_hold(frame->opcode == test::Opcode::ping || frame->opcode == test::Opcode::pong,
                  "an opcode is a known one");
        must_hold(frame->payload.size() <= 125, "a control frame is short");
    }
  }
  must_hold(bytes.empty(), "no frame is left half sent");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t mode = input.byte();
  const std::size_t chunk = std::size_t{input.byte()} * 4 + 1;
  const bool compress = (mode & 2) != 0;
  log::configure(log::Level::error, log::Format::text);
  World world(compress);
  if ((mode & 1) != 0) world.send(handshake(compress, (mode & 8) != 0), 4096);
  if ((mode & 4) != 0) {
    take_steps(world, input, chunk);
  } else {
    world.send(input.rest(), chunk);
  }
  world.hang_up();
  check_received(world.received(), compress);
  return 0;
}
