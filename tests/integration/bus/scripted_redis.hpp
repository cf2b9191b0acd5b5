// A peer that listens like Redis and whose every byte the test chooses.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <string>
#include <system_error>
#include <utility>

namespace pulsegate::test {

inline constexpr char kGreeting[] = "+PONG\r\n+OK\r\n";  // what PING and CLIENT SETNAME are answered

// Thread: one at a time. Listens on 127.0.0.1 and speaks only when the test says so. Blocking calls: what it sends is
// small, and the kernel buffers it.
class ScriptedRedis {
 public:
  ScriptedRedis() : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}), peer_(io_) { acceptor_.non_blocking(true); }

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

  // True once a connection is there; the one before it is closed.
  bool accept() {
    std::error_code error;
    asio::ip::tcp::socket next(io_);
    acceptor_.accept(next, error);
    if (error) return false;
    peer_ = std::move(next);
    peer_.non_blocking(true);
    received_.clear();
    return true;
  }
  void send(const std::string& bytes) {
    peer_.non_blocking(false);
    asio::write(peer_, asio::buffer(bytes));
    peer_.non_blocking(true);
  }
  const std::string& received() {
    char buffer[4096];
    std::error_code error;
    for (std::size_t size; (size = peer_.read_some(asio::buffer(buffer), error)) > 0;) received_.append(buffer, size);
    return received_;
  }
  void close() { peer_.close(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket peer_;
  std::string received_;
};

}  // namespace pulsegate::test
