// A real Endpoint on a thread and a loopback port of its own, with sessions that write down what they are told.
#pragma once

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>

#include "gateway/access/gate.hpp"
#include "gateway/ws/endpoint.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

inline const std::string kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
inline const std::string kTarget = "/api/v1/devices/" + kUuid + "/ws";

// What became of one session. Thread: any, under the fixture's lock.
struct SessionLog {
  std::string id;
  std::string device;
  std::vector<std::string> texts;
  int binaries = 0;
  int ticks = 0;
  std::uint64_t drained = 0;  // frames, over all calls of on_drained
  bool closed = false;
  std::uint16_t code = 0;
  std::string reason;
};

// Thread: the test's, except where noted. Everything of the endpoint happens on the fixture's own thread, through
// run().
class EndpointFixture {
 public:
  explicit EndpointFixture(ws::EndpointConfig config = quick()) : factory_(*this), answerer_(*this), acceptor_(io_) {
    const asio::ip::tcp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
    acceptor_.open(loopback.protocol());
    acceptor_.bind(loopback);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    endpoint_ = std::make_unique<ws::Endpoint>(io_, config, factory_, answerer_, gate_, clock_);
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~EndpointFixture() {
    run([this] {
      acceptor_.close();
      endpoint_.reset();
    });
    work_.reset();
    thread_.join();
  }

  // The defaults, but for test clients that keep their socket open after a close.
  static ws::EndpointConfig quick() {
    ws::EndpointConfig config;
    config.close_timeout = std::chrono::milliseconds(1000);
    return config;
  }

  std::uint16_t port() const { return port_; }
  // Its sessions say anything, so the contract has no part in it.
  WsClient open(const WsOptions& options = {}) { return WsClient::open(port_, kTarget, without_contract(options)); }

  // Runs `action` on the endpoint's thread and waits for it.
  void run(const std::function<void()>& action) {
    std::packaged_task<void()> task(action);
    std::future<void> done = task.get_future();
    asio::post(io_, [&task] { task(); });
    done.get();
  }
  ws::Endpoint& endpoint() { return *endpoint_; }  // inside run() only
  asio::io_context& io() { return io_; }           // the endpoint's
  // The link of the session that was opened as `index`; inside run() only, while it is open.
  ws::Link& link(std::size_t index = 0) { return *links_.at(index); }

  ws::EndpointCounters counters() {
    ws::EndpointCounters copy;
    run([&] { copy = endpoint_->counters(); });
    return copy;
  }
  std::size_t sessions() {
    const std::lock_guard lock(mutex_);
    return logs_.size();
  }
  SessionLog session(std::size_t index = 0) {
    const std::lock_guard lock(mutex_);
    return index < logs_.size() ? *logs_[index] : SessionLog{};
  }
  bool wait_closed(std::size_t index = 0) {
    return eventually([&] { return session(index).closed; });
  }
  // No socket left: neither in handshake, nor open, nor waiting for the peer's end.
  bool wait_empty() {
    return eventually([&] { return counters().sockets == 0; });
  }

  // Called on the endpoint's thread; set before clients connect.
  std::function<void(ws::Link&)> on_open = [](ws::Link&) {};
  std::function<void(ws::Link&, std::string_view)> on_text = [](ws::Link& link, std::string_view text) {
    link.send(Frame::text(text), 0);
  };
  std::function<ws::HttpAnswerer::Answer(const access::Admission&, ws::HttpAnswerer::Done)> on_get =
      [](const access::Admission& request, const ws::HttpAnswerer::Done&) {
        return ws::HttpAnswer{200, '"' + request.query + '"', {}};
      };

 private:
  class Session final : public ws::LinkHandler {
   public:
    Session(EndpointFixture& fixture, ws::Link& link, SessionLog& log) : fixture_(fixture), link_(link), log_(log) {}
    void on_text(std::string_view message, const Now&) override {
      write([&] { log_.texts.emplace_back(message); });
      fixture_.on_text(link_, message);
    }
    void on_binary(std::string_view, const Now&) override {
      write([&] { ++log_.binaries; });
    }
    void on_drained(const ws::Conflated& lost, const Now&) override {
      write([&] { log_.drained += lost.frames; });
    }
    void on_tick(const Now&) override {
      write([&] { ++log_.ticks; });
    }
    void on_closed(std::uint16_t code, std::string_view reason, const Now&) override {
      write([&] {
        log_.closed = true;
        log_.code = code;
        log_.reason = reason;
      });
      for (ws::Link*& known : fixture_.links_)
        if (known == &link_) known = nullptr;
    }

   private:
    template <typename Action>
    void write(Action&& action) {
      const std::lock_guard lock(fixture_.mutex_);
      action();
    }

    EndpointFixture& fixture_;
    ws::Link& link_;
    SessionLog& log_;
  };

  class Factory final : public ws::LinkFactory {
   public:
    explicit Factory(EndpointFixture& fixture) : fixture_(fixture) {}
    std::unique_ptr<ws::LinkHandler> on_open(ws::Link& link, const access::Admission& admission, const Now&) override {
      auto log = std::make_unique<SessionLog>();
      log->id = link.id();
      log->device = admission.device.value().text();
      auto session = std::make_unique<Session>(fixture_, link, *log);
      {
        const std::lock_guard lock(fixture_.mutex_);
        fixture_.logs_.push_back(std::move(log));
        fixture_.links_.push_back(&link);
      }
      fixture_.on_open(link);
      return session;
    }

   private:
    EndpointFixture& fixture_;
  };

  class Answerer final : public ws::HttpAnswerer {
   public:
    explicit Answerer(EndpointFixture& fixture) : fixture_(fixture) {}
    Answer on_get(const access::Admission& request, const Now&, Done done) override {
      return fixture_.on_get(request, std::move(done));
    }

   private:
    EndpointFixture& fixture_;
  };

  void accept() {
    acceptor_.async_accept([this](const std::error_code& error, asio::ip::tcp::socket socket) {
      if (error) return;
      const auto protocol = socket.local_endpoint().protocol();
      endpoint_->adopt(protocol, socket.release());
      accept();
    });
  }

  SystemClock clock_;
  Factory factory_;
  Answerer answerer_;
  access::Gate gate_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SessionLog>> logs_;  // guarded by mutex_
  std::vector<ws::Link*> links_;                   // the endpoint's thread only
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ws::Endpoint> endpoint_;
  std::thread thread_;
};

}  // namespace pulsegate::test
