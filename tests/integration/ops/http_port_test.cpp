// The health and admin server with real sockets: clients that are slow, wrong, too big, too many, or gone.
#include "gateway/ops/http_port.hpp"

#include <asio/post.hpp>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/tcp_socket.hpp"

using namespace pulsegate;
using pulsegate::test::eventually;
using pulsegate::test::TcpSocket;
using namespace std::chrono_literals;

namespace {

const std::string kGet = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

ops::HttpPortLimits quick() {
  ops::HttpPortLimits limits;
  limits.read = limits.respond = limits.write = 300ms;
  limits.idle = 30'000ms;
  return limits;
}

// A port on a loop of its own. Handlers: /echo answers method and body, /throw throws, /never does not answer, /later
// after the loop has turned, /twice answers twice, /big with 4 MiB.
class Port {
 public:
  explicit Port(const ops::HttpPortLimits& limits = {}) {
    port_ = std::make_unique<ops::HttpPort>(
        io_, Address{"127.0.0.1", 0},
        [this](const ops::HttpRequest& request, ops::Respond respond) { handle(request, std::move(respond)); }, limits);
    number = port_->port();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Port() {
    on_loop<int>([this] { return port_->stop(), 0; });
    thread_.join();  // the loop ends by itself: nothing of the port is left on it
  }

  std::size_t connections() {
    return on_loop<std::size_t>([this] { return port_->connections(); });
  }
  // Answers the request to /never that came last, if it is still wanted.
  void answer_late() {
    on_loop<int>([this] {
      ops::HttpResponse response;
      response.body = "late";
      return never_(response), 0;
    });
  }

  std::uint16_t number = 0;
  std::atomic<int> handled{0};

 private:
  template <typename Result>
  Result on_loop(std::function<Result()> ask) {
    std::promise<Result> promise;
    asio::post(io_, [&] { promise.set_value(ask()); });
    return promise.get_future().get();
  }

  void handle(const ops::HttpRequest& request, ops::Respond respond) {
    ++handled;
    ops::HttpResponse response;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.body;
    if (request.path == "/throw") throw std::runtime_error("broken on purpose");
    if (request.path == "/never") return never_ = std::move(respond), void();
    if (request.path == "/forgotten") return;
    if (request.path == "/later") return asio::post(io_, [respond, response] { respond(response); });
    if (request.path == "/twice") respond(response);
    if (request.path == "/big") response.body.assign(4 * 1024 * 1024, 'x');
    respond(response);
  }

  asio::io_context io_{1};
  ops::Respond never_;
  std::unique_ptr<ops::HttpPort> port_;
  std::thread thread_;
};

// Sends bytes and returns everything until the server closes.
std::string converse(std::uint16_t port, const std::string& bytes) {
  TcpSocket socket("127.0.0.1", port);
  BOOST_TEST(socket.write(bytes));
  std::string all;
  while (socket.read_some(all) == TcpSocket::Read::data) {
  }
  return all;
}

int status_of(const std::string& answer) {
  return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HttpPort)

BOOST_AUTO_TEST_CASE(answers_a_request) {
  Port port;
  const auto answer = test::http_post(port.number, "/echo", "hello");
  BOOST_TEST(answer.status == 200);
  BOOST_TEST(answer.body == "POST hello");
  BOOST_TEST(answer.header("connection") == "close");
  BOOST_TEST(answer.header("content-type") == "text/plain");
}

BOOST_AUTO_TEST_CASE(answers_later_too) {
  Port port;
  BOOST_TEST(test::http_get(port.number, "/later").body == "GET ");
}

BOOST_AUTO_TEST_CASE(a_second_answer_does_not_count) {
  Port port;
  TcpSocket socket("127.0.0.1", port.number);
  std::string rest;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(socket.write("GET /twice HTTP/1.1\r\nHost: a\r\n\r\n"));
    BOOST_TEST(test::read_http_response(socket, rest).body == "GET ");
    BOOST_TEST(rest.empty());
  }
}

BOOST_AUTO_TEST_CASE(keeps_a_connection_for_more_requests) {
  Port port;
  TcpSocket socket("127.0.0.1", port.number);
  std::string rest;
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(socket.write(kGet));
    BOOST_TEST(test::read_http_response(socket, rest).status == 200);
  }
  BOOST_TEST(port.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(answers_pipelined_requests_in_order) {
  Port port;
  TcpSocket socket("127.0.0.1", port.number);
  BOOST_TEST(
      socket.write("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
                   "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n2" +
                   kGet));
  std::string rest;
  BOOST_TEST(test::read_http_response(socket, rest).body == "POST 1");
  BOOST_TEST(test::read_http_response(socket, rest).body == "POST 2");
  BOOST_TEST(test::read_http_response(socket, rest).body == "GET ");
}

BOOST_AUTO_TEST_CASE(head_has_no_body) {
  Port port;
  const std::string answer = converse(port.number, "HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  BOOST_TEST(answer.find("Content-Length: 5\r\n") != std::string::npos);
  BOOST_TEST(answer.substr(answer.size() - 4) == "\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(malformed_requests_get_400_and_the_end) {
  Port port;
  for (const char* text : {"nonsense\r\n\r\n", "GET / HTTP/1.1\n\n", "\x16\x03\x01\x02\n\r\n\r\n",
                           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    const std::string answer = converse(port.number, text);
    BOOST_TEST(status_of(answer) == 400, text);
    BOOST_TEST(answer.find("{\"error\":{\"code\":\"bad-request\"") != std::string::npos);
  }
  BOOST_TEST(port.handled == 0);
}

BOOST_AUTO_TEST_CASE(chunked_bodies_are_refused) {
  Port port;
  BOOST_TEST(status_of(converse(
                 port.number,
                 "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")) == 501);
}

BOOST_AUTO_TEST_CASE(an_oversized_body_is_refused_and_the_client_sees_why) {
  Port port;
  const std::string body(300 * 1024, 'x');
  BOOST_TEST(status_of(converse(port.number, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                                 std::to_string(body.size()) + "\r\n\r\n" + body)) == 413);
  const std::string fits(256 * 1024, 'x');
  BOOST_TEST(test::http_post(port.number, "/echo", fits).body == "POST " + fits);
}

BOOST_AUTO_TEST_CASE(an_oversized_head_is_refused) {
  Port port;
  BOOST_TEST(status_of(converse(port.number,
                                "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")) == 431);
  BOOST_TEST(status_of(converse(port.number, std::string(20'000, 'x'))) == 431);
}

BOOST_AUTO_TEST_CASE(a_client_that_says_nothing_is_closed) {
  Port port(quick());
  BOOST_TEST(converse(port.number, "").empty());
}

BOOST_AUTO_TEST_CASE(a_client_that_drips_does_not_extend_its_deadline) {
  Port port(quick());
  TcpSocket socket("127.0.0.1", port.number);
  std::string answer;
  BOOST_TEST(eventually([&] {
    socket.write("G");
    return socket.read_some(answer, 20ms) != TcpSocket::Read::timeout;
  }));
  BOOST_TEST(status_of(answer) == 408);
  BOOST_TEST(port.handled == 0);
}

BOOST_AUTO_TEST_CASE(a_handler_that_does_not_answer_becomes_503) {
  Port port(quick());
  BOOST_TEST(status_of(converse(port.number, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n")) == 503);
  port.answer_late();  // nobody waits any more
  BOOST_TEST(test::http_get(port.number, "/forgotten").status == 503);
  BOOST_TEST(test::http_get(port.number, "/echo").status == 200);
}

BOOST_AUTO_TEST_CASE(a_late_answer_does_not_reach_the_next_request) {
  Port port(quick());
  TcpSocket socket("127.0.0.1", port.number);
  BOOST_TEST(socket.write("GET /never HTTP/1.1\r\nHost: a\r\n\r\n"));
  BOOST_TEST(eventually([&] { return port.handled == 1; }));
  socket.close();
  BOOST_TEST(test::http_get(port.number, "/echo").body == "GET ");
  port.answer_late();
  BOOST_TEST(test::http_get(port.number, "/echo").body == "GET ");
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_becomes_500) {
  Port port;
  BOOST_TEST(test::http_get(port.number, "/throw").status == 500);
  BOOST_TEST(test::http_get(port.number, "/echo").status == 200);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_closed) {
  Port port(quick());
  test::TcpOptions slow;
  slow.receive_buffer = 4096;
  TcpSocket socket("127.0.0.1", port.number, slow);
  BOOST_TEST(socket.write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
  BOOST_TEST(eventually([&] { return port.handled == 1 && port.connections() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_client_that_is_gone_is_forgotten) {
  Port port;
  for (const char* path : {"/big", "/never", "/later"}) {
    TcpSocket socket("127.0.0.1", port.number);
    const int before = port.handled;
    BOOST_TEST(socket.write("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"));
    BOOST_TEST(eventually([&] { return port.handled > before; }));
    socket.reset();
  }
  port.answer_late();
  BOOST_TEST(eventually([&] { return port.connections() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_waiting_client_is_told_to_continue) {
  Port port;
  TcpSocket socket("127.0.0.1", port.number);
  BOOST_TEST(socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  std::string buffer;
  BOOST_TEST((socket.read_until(buffer, "100 Continue\r\n\r\n") == TcpSocket::Read::data));
  BOOST_TEST(socket.write("ok"));
  std::string rest;
  BOOST_TEST(test::read_http_response(socket, rest).body == "POST ok");
}

BOOST_AUTO_TEST_CASE(idle_connections_make_room_for_a_probe) {
  ops::HttpPortLimits limits;
  limits.max_connections = 4;
  Port port(limits);
  std::vector<TcpSocket> idle;
  for (int i = 0; i < 4; ++i) {
    idle.emplace_back("127.0.0.1", port.number);
    std::string rest;
    BOOST_TEST(idle.back().write(kGet));
    BOOST_TEST(test::read_http_response(idle.back(), rest).status == 200);
  }
  BOOST_TEST(eventually([&] { return port.connections() == 4; }));
  BOOST_TEST(test::http_get(port.number, "/echo").status == 200);
  std::string nothing;
  BOOST_TEST((idle[0].read_some(nothing) == TcpSocket::Read::end));  // the longest idle one
  BOOST_TEST(port.connections() <= 4u);
}

BOOST_AUTO_TEST_CASE(one_connection_too_many_is_closed_while_all_are_busy) {
  ops::HttpPortLimits limits;
  limits.max_connections = 2;
  Port port(limits);
  std::vector<TcpSocket> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back("127.0.0.1", port.number);
    BOOST_TEST(busy.back().write("GET /never HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  BOOST_TEST(eventually([&] { return port.handled == 2; }));
  BOOST_TEST(converse(port.number, kGet).empty());
  BOOST_TEST(port.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(stopping_closes_everything_and_leaves_no_work) {
  Port port;
  TcpSocket idle("127.0.0.1", port.number), busy("127.0.0.1", port.number);
  std::string rest;
  BOOST_TEST(idle.write(kGet));
  BOOST_TEST(test::read_http_response(idle, rest).status == 200);
  BOOST_TEST(busy.write("GET /never HTTP/1.1\r\nHost: a\r\n\r\n"));
  BOOST_TEST(eventually([&] { return port.handled == 2; }));
  // The destructor of Port joins a thread that ends only when the loop has run out of work.
}

BOOST_AUTO_TEST_CASE(an_address_that_is_taken_is_one_sentence) {
  Port port;
  asio::io_context io;
  try {
    ops::HttpPort second(io, Address{"127.0.0.1", port.number}, [](const ops::HttpRequest&, ops::Respond) {});
    BOOST_ERROR("it listens");
  } catch (const std::runtime_error& fault) {
    BOOST_TEST(std::string(fault.what()).find("Cannot listen on 127.0.0.1 port " + std::to_string(port.number)) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(says_where_it_listens) {
  asio::io_context io;
  const ops::HttpPort port(io, Address{"127.0.0.1", 0}, [](const ops::HttpRequest&, ops::Respond) {});
  BOOST_TEST(port.address() == "127.0.0.1:" + std::to_string(port.port()));
}

BOOST_AUTO_TEST_SUITE_END()
