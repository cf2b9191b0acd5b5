// An echo on the gateway's own transport, websocketpp configuration and limits, for conformance suites that want one:
// echo_server [HOST:PORT [MAX_MESSAGE]]. It ends with SIGTERM or SIGINT.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "gateway/access/gate.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/listener.hpp"

namespace {

using namespace pulsegate;

// Small ones only: a longer one is what Frame::text() makes of text, and a raw frame of bytes.
FramePtr binary_frame(std::string_view payload) {
  const FramePtr text = Frame::text(payload);
  std::string bytes(text->bytes());
  bytes[0] = '\x82';
  return Frame::raw(bytes);
}

class Echo final : public ws::LinkHandler {
 public:
  explicit Echo(ws::Link& link) : link_(link) {}
  void on_text(std::string_view message, const Now&) override { link_.send(Frame::text(message), 0); }
  void on_binary(std::string_view message, const Now&) override { link_.send(binary_frame(message), 0); }
  void on_drained(const ws::Conflated&, const Now&) override {}
  void on_tick(const Now&) override {}
  void on_closed(std::uint16_t, std::string_view, const Now&) override {}

 private:
  ws::Link& link_;
};

class Echoes final : public ws::LinkFactory, public ws::HttpAnswerer {
 public:
  std::unique_ptr<ws::LinkHandler> on_open(ws::Link& link, const access::Admission&, const Now&) override {
    return std::make_unique<Echo>(link);
  }
  Answer on_get(const access::Admission&, const Now&, Done) override {
    return ws::HttpAnswer{404, R"({"error":{"code":"not-found","message":"This is an echo of WebSockets."}})", {}};
  }
};

void serve(const std::string& address, std::size_t max_message) {
  const std::size_t colon = address.rfind(':');
  ws::ListenerConfig listening;
  listening.host = address.substr(0, colon);
  listening.port = static_cast<std::uint16_t>(colon == std::string::npos ? 0 : std::stoi(address.substr(colon + 1)));

  ws::EndpointConfig config;
  if (max_message != 0) {
    // An echo of what is longer than the gateway would take needs room of the same size.
    config.max_message = max_message;
    config.outbox.conflate_above = config.outbox.close_above = 16 * max_message;
  }
  const SystemClock clock;
  Echoes echoes;
  access::Gate gate;
  asio::io_context io{1};
  ws::Endpoint endpoint(io, config, echoes, echoes, gate, clock);
  const auto hand_over = [&](asio::ip::tcp::socket socket, std::size_t, ws::Arrival arrival) {
    const auto protocol = socket.local_endpoint().protocol();
    endpoint.adopt(protocol, socket.release(), std::move(arrival));
  };
  ws::Listener listener(io, listening, {hand_over, {}, {}});
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const asio::error_code&, int) { io.stop(); });
  std::printf("ws://%s/api/v1/devices/00000000-0000-4000-8000-000000000000/ws\n", listener.address().c_str());
  std::fflush(stdout);
  io.run();
  listener.close();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    serve(count > 1 ? arguments[1] : "127.0.0.1:9001", count > 2 ? std::stoul(arguments[2]) : 0);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_server: %s\nusage: echo_server [HOST:PORT [MAX_MESSAGE]]\n", error.what());
    return 2;
  }
}
