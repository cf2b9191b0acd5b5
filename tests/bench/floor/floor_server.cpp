// The loop, and nothing that a real server would need beyond it: input of clients is read and thrown away.
#include "tests/bench/floor/floor_server.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "tests/bench/load/event.hpp"
#include "tests/bench/load/socket.hpp"

namespace pulsegate::bench {
namespace {

constexpr std::size_t kReadSize = 1024 * 1024;
constexpr std::size_t kMostUnsent = 1024 * 1024;
constexpr std::size_t kMostClients = 30'000;
// The answer to the one key that the generator uses.
constexpr std::string_view kAccepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
constexpr std::string_view kSubscribe = "*2\r\n$10\r\nPSUBSCRIBE\r\n$16\r\ndevice:*:metrics\r\n";

// A RESP bulk string at `at`, which is moved behind it. False: not all of it is there.
bool take_bulk(std::string_view text, std::size_t& at, std::string_view& value) {
  const std::size_t end = text.find("\r\n", at);
  if (end == std::string_view::npos) return false;
  std::size_t size = 0;
  std::from_chars(text.data() + at + 1, text.data() + end, size);
  if (text.size() < end + 2 + size + 2) return false;
  value = text.substr(end + 2, size);
  at = end + 2 + size + 2;
  return true;
}

}  // namespace

FloorServer::FloorServer(std::uint16_t port, std::uint16_t redis_port)
    : redis_port_(redis_port),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      listener_(listen_local(port, 4096)),
      input_(2 * kReadSize) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit(kMostClients);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  connect_redis();
}

FloorServer::~FloorServer() = default;

void FloorServer::connect_redis() {
  redis_ = connect_local(redis_port_);
  kept_ = 0;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &redis_;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, redis_, &event);
  // The connection to a listening socket of this host is there when connect() returns.
  if (::send(redis_, kSubscribe.data(), kSubscribe.size(), MSG_NOSIGNAL) < 0)
    throw std::runtime_error("no Redis on the port that was given");
}

void FloorServer::run() {
  epoll_event events[512];
  for (;;) {
    const int count = ::epoll_wait(epoll_, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == &listener_) {
        accept_all();
      } else if (events[i].data.ptr == &redis_) {
        on_redis();
      } else {
        on_client(*static_cast<FloorClient*>(events[i].data.ptr), events[i].events);
      }
    }
  }
}

void FloorServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    send_without_delay(fd);
    auto* client = new FloorClient;
    client->fd = fd;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

void FloorServer::on_client(FloorClient& client, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    const ssize_t sent = ::send(client.fd, client.unsent.data() + client.sent, client.unsent.size() - client.sent,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) client.sent += static_cast<std::size_t>(sent);
    if (client.sent == client.unsent.size()) {
      client.unsent.clear();
      client.sent = 0;
      watch(client, false);
    } else if (client.sent > kMostUnsent) {
      client.unsent.erase(0, client.sent);
      client.sent = 0;
    }
  }
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  char buffer[4096];
  const ssize_t size = ::recv(client.fd, buffer, sizeof buffer, 0);
  if (size == 0 || (size < 0 && errno != EAGAIN)) return close(client);
  if (size < 0 || client.device != nullptr) return;
  client.request.append(buffer, static_cast<std::size_t>(size));
  on_handshake(client);
}

void FloorServer::on_handshake(FloorClient& client) {
  constexpr std::string_view kPath = "GET /api/v1/devices/";
  if (client.request.find("\r\n\r\n") == std::string::npos) return;
  client.device = &devices_[client.request.substr(kPath.size(), kUuidSize)];
  client.device->clients.push_back(&client);
  client.request = std::string();
  if (::send(client.fd, kAccepted.data(), kAccepted.size(), MSG_NOSIGNAL) < 0) close(client);
}

void FloorServer::close(FloorClient& client) {
  if (client.device != nullptr) {
    auto& clients = client.device->clients;
    clients.erase(std::remove(clients.begin(), clients.end(), &client), clients.end());
  }
  ::close(client.fd);
  // Closing happens in a client's own turn, and epoll reports a descriptor once a turn: nobody looks at it again.
  delete &client;
}

void FloorServer::keep(FloorClient& client, std::string_view rest) {
  if (rest.empty() || client.unsent.size() - client.sent + rest.size() > kMostUnsent) return;
  client.unsent.append(rest);
  watch(client, true);
}

void FloorServer::watch(FloorClient& client, bool for_room) {
  if (client.waits_for_room == for_room) return;
  client.waits_for_room = for_room;
  epoll_event event{};
  event.events = EPOLLIN | (for_room ? std::uint32_t{EPOLLOUT} : 0u);
  event.data.ptr = &client;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
}

void FloorServer::on_redis() {
  const ssize_t size = ::recv(redis_, input_.data() + kept_, kReadSize, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    // Redis drops a subscriber that lets 32 MB pile up.
    ::close(redis_);
    return connect_redis();
  }
  const std::size_t filled = kept_ + static_cast<std::size_t>(size);
  const std::size_t done = scan(std::string_view(input_.data(), filled));
  on_batch_end();
  kept_ = filled - done;
  std::memmove(input_.data(), input_.data() + done, kept_);
}

// *4 $8 pmessage $16 <pattern> $<n> <topic> $<n> <payload>; the confirmation of the subscription begins with *3.
std::size_t FloorServer::scan(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    std::size_t at = text.find("\r\n", done);
    if (at == std::string_view::npos) break;
    at += 2;
    std::string_view kind, pattern, topic, payload;
    if (!take_bulk(text, at, kind) || !take_bulk(text, at, pattern)) break;
    if (text[done + 1] == '3') {
      const std::size_t end = text.find("\r\n", at);
      if (end == std::string_view::npos) break;
      done = end + 2;
      continue;
    }
    if (!take_bulk(text, at, topic) || !take_bulk(text, at, payload)) break;
    on_event(topic, payload);
    done = at;
  }
  return done;
}

void FloorServer::on_event(std::string_view topic, std::string_view payload) {
  constexpr std::size_t kTopicHead = sizeof("device:") - 1;
  if (payload.size() < kMetricsAt + kAfterMetrics) return;
  const std::string uuid(topic.substr(kTopicHead, kUuidSize));
  const auto found = devices_.find(uuid);
  if (found == devices_.end()) return;
  const std::string_view object = payload.substr(kMetricsAt, payload.size() - kMetricsAt - kAfterMetrics);
  const std::string_view time = payload.substr(payload.size() - kTimeSize - 2);  // with `"}`

  // The message as the gateway builds it; all are longer than 125 and shorter than 65 536 bytes.
  frame_.assign(4, '\0');
  frame_.append(kMessageHead).append(object).append(R"(,"deviceUuid":")").append(uuid);
  frame_.append(R"(","timestamp":")").append(time);
  const std::size_t size = frame_.size() - 4;
  frame_[0] = static_cast<char>(0x81);
  frame_[1] = 126;
  frame_[2] = static_cast<char>(size >> 8);
  frame_[3] = static_cast<char>(size & 0xff);
  on_frame(found->second, frame_);
}

FloorPorts floor_ports(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "--port") == 0 && std::strcmp(argv[3], "--redis-port") == 0)
    return {static_cast<std::uint16_t>(std::atoi(argv[2])), static_cast<std::uint16_t>(std::atoi(argv[4]))};
  std::fprintf(stderr, "usage: %s --port N --redis-port N\n", argv[0]);
  std::exit(2);
}

}  // namespace pulsegate::bench
