// Plain HTTP requests at the endpoint: answers at once and later, clients that go away, read slowly or wait too long.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>

#include "tests/integration/ws/endpoint_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using std::chrono::milliseconds;

namespace {

const std::string kSnapshot = "/api/v1/devices/" + kUuid + "/snapshot";
const std::string kHistory = "/api/v1/devices/" + kUuid + "/history";
constexpr std::size_t kBig = 16 * 1024 * 1024;  // more than two kernels hold of a connection

// Requests that wait until the test answers them. Thread: the endpoint's, but for the counts.
class Waiting {
 public:
  explicit Waiting(EndpointFixture& fixture) : fixture_(fixture) {
    fixture.on_get = [this](const access::Admission&, ws::HttpAnswerer::Done done) {
      waits_.push_back({std::move(done), true});
      ++asked;
      return std::make_unique<Pending>(*this, waits_.size() - 1);
    };
  }

  // Returns whether somebody was still waiting for it.
  bool answer(std::size_t index, const std::string& body) {
    bool waiting = false;
    fixture_.run([&] {
      waiting = waits_.at(index).waiting;
      if (waiting) waits_[index].done({200, body, {}});
    });
    return waiting;
  }

  std::atomic<int> asked{0};
  std::atomic<int> ended{0};

 private:
  struct Wait {
    ws::HttpAnswerer::Done done;
    bool waiting;
  };
  struct Pending final : ws::PendingAnswer {
    Pending(Waiting& o, std::size_t i) : owner(o), index(i) {}
    ~Pending() override {
      owner.waits_[index].waiting = false;
      ++owner.ended;
    }
    Waiting& owner;
    std::size_t index;
  };

  EndpointFixture& fixture_;
  std::vector<Wait> waits_;
};

TcpSocket ask(std::uint16_t port, const std::string& target, const std::string& version = "1.1") {
  TcpSocket socket("127.0.0.1", port);
  socket.write("GET " + target + " HTTP/" + version + "\r\nHost: x\r\n\r\n");
  return socket;
}

std::string error_code(const HttpResponse& response) {
  return response.json().at("error").at("code").string();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PlainHttp)

BOOST_AUTO_TEST_CASE(an_answer_at_once_is_sent) {
  EndpointFixture fixture;
  const HttpResponse response = http_get(fixture.port(), kHistory + "?from=1&to=2");
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.body == "\"from=1&to=2\"");
  BOOST_TEST(response.header("content-type") == "application/json");
  BOOST_TEST(response.header("cache-control") == "no-store");
  BOOST_TEST(response.header("connection") == "close");
  BOOST_TEST(fixture.wait_empty());
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.histories[200] == 1u);
  BOOST_TEST(counters.snapshots.empty());
  BOOST_TEST(counters.handshaking == 0u);
  BOOST_TEST(counters.handshake_failures == 0u);
  BOOST_TEST(counters.refused.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_later_is_sent_when_it_comes_also_to_old_clients) {
  EndpointFixture fixture;
  Waiting waiting(fixture);
  int index = 0;
  for (const char* version : {"1.1", "1.0"}) {
    TcpSocket socket = ask(fixture.port(), kSnapshot, version);
    BOOST_TEST(eventually([&] { return waiting.asked == index + 1; }));
    BOOST_TEST(fixture.counters().answering == 1u);
    BOOST_TEST(fixture.counters().handshaking == 0u);
    const std::string body(500'000, 'x');
    BOOST_TEST(waiting.answer(static_cast<std::size_t>(index), body));
    std::string rest;
    const HttpResponse response = read_http_response(socket, rest);
    BOOST_TEST(response.status == 200);
    BOOST_TEST((response.body == body));
    BOOST_TEST(waiting.ended == ++index);
  }
  BOOST_TEST(fixture.counters().snapshots[200] == 2u);
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 0; }));
  BOOST_TEST(fixture.counters().answer_bytes == 0u);
  BOOST_TEST(fixture.counters().backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_without_a_host_is_a_bad_one_whatever_its_version) {
  EndpointFixture fixture;
  TcpSocket socket("127.0.0.1", fixture.port());
  socket.write("GET " + kSnapshot + " HTTP/1.0\r\n\r\n");
  std::string rest;
  BOOST_TEST(read_http_response(socket, rest).status == 400);
}

BOOST_AUTO_TEST_CASE(other_methods_and_websockets_are_refused) {
  EndpointFixture fixture;
  const HttpResponse post = http_post(fixture.port(), kSnapshot, "{}");
  BOOST_TEST(post.status == 405);
  BOOST_TEST(post.header("allow") == "GET");
  BOOST_TEST(post.header("cache-control") == "no-store");
  const WsClient client = WsClient::attempt(fixture.port(), kSnapshot);
  BOOST_TEST(client.response().status == 400);
  BOOST_TEST(error_code(client.response()) == "bad-request");
  WsOptions options;
  options.headers = {{"Origin", "https://dashboard.example"}};
  BOOST_TEST(WsClient::open(fixture.port(), kSnapshot, options).expect_close().code == 4400);
  TcpSocket socket("127.0.0.1", fixture.port());
  socket.write("HEAD " + kSnapshot + " HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string head;
  while (socket.read_some(head) == TcpSocket::Read::data) {
  }
  BOOST_TEST(head.rfind("HTTP/1.1 405 ", 0) == 0u);
  BOOST_TEST(head.substr(head.size() - 4) == "\r\n\r\n");  // no body
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.snapshots[405] == 2u);
  BOOST_TEST(counters.refused[400] == 2u);
}

BOOST_AUTO_TEST_CASE(while_not_accepting_requests_are_told_to_come_back) {
  EndpointFixture fixture;
  fixture.run([&] { fixture.endpoint().set_accepting(false); });
  const HttpResponse response = http_get(fixture.port(), kSnapshot);
  BOOST_TEST(response.status == 503);
  BOOST_TEST(!response.header("retry-after").empty());
  BOOST_TEST(error_code(response) == "unavailable");
  BOOST_TEST(fixture.counters().snapshots[503] == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_not_ready_in_time_is_a_504) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.answer_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  Waiting waiting(fixture);
  const HttpResponse response = http_get(fixture.port(), kSnapshot);
  BOOST_TEST(response.status == 504);
  BOOST_TEST(error_code(response) == "timed-out");
  BOOST_TEST(waiting.ended == 1);
  BOOST_TEST(!waiting.answer(0, "too late"));
  BOOST_TEST(fixture.counters().snapshots[504] == 1u);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(the_handshake_timeout_does_not_cut_off_an_answer) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.handshake_timeout = milliseconds(100);
  config.answer_timeout = milliseconds(600);
  EndpointFixture fixture(config);
  Waiting waiting(fixture);
  BOOST_TEST(http_get(fixture.port(), kSnapshot).status == 504);
}

BOOST_AUTO_TEST_CASE(a_client_that_resets_while_it_waits_is_forgotten) {
  EndpointFixture fixture;
  Waiting waiting(fixture);
  TcpSocket socket = ask(fixture.port(), kSnapshot);
  BOOST_TEST(eventually([&] { return waiting.asked == 1; }));
  socket.reset();
  BOOST_TEST(eventually([&] { return waiting.ended == 1; }));
  BOOST_TEST(fixture.wait_empty());
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.snapshots[0] == 1u);
  BOOST_TEST(counters.answering == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_has_ended_its_sending_is_answered_one_that_is_gone_harms_nobody) {
  EndpointFixture fixture;
  Waiting waiting(fixture);
  TcpSocket half = ask(fixture.port(), kSnapshot);
  BOOST_TEST(eventually([&] { return waiting.asked == 1; }));
  half.shutdown_write();
  BOOST_TEST(waiting.answer(0, "\"half\""));
  std::string rest;
  BOOST_TEST(read_http_response(half, rest).body == "\"half\"");
  {
    TcpSocket gone = ask(fixture.port(), kSnapshot);
    BOOST_TEST(eventually([&] { return waiting.asked == 2; }));
  }
  BOOST_TEST(waiting.answer(1, std::string(kBig, 'x')));
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 0; }));
  BOOST_TEST(fixture.counters().answer_bytes == 0u);
  half.close();
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(who_does_not_take_its_answer_is_cut_off) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.answer_timeout = milliseconds(500);
  EndpointFixture fixture(config);
  Waiting waiting(fixture);
  TcpSocket socket = ask(fixture.port(), kSnapshot);
  BOOST_TEST(eventually([&] { return waiting.asked == 1; }));
  BOOST_TEST(waiting.answer(0, std::string(kBig, 'x')));
  BOOST_TEST(fixture.counters().answer_bytes == kBig);
  BOOST_TEST(fixture.wait_empty());
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.answer_bytes == 0u);
  BOOST_TEST(counters.answering == 0u);
  BOOST_TEST(counters.backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(what_the_kernel_holds_for_a_slow_reader_outlives_the_time_for_a_close) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.close_timeout = milliseconds(100);
  config.answer_timeout = std::chrono::seconds(20);
  config.socket_send_buffer = 200'000;
  EndpointFixture fixture(config);
  Waiting waiting(fixture);
  TcpOptions small;
  small.receive_buffer = 4096;
  TcpSocket socket("127.0.0.1", fixture.port(), small);
  socket.write("GET " + kSnapshot + " HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(eventually([&] { return waiting.asked == 1; }));
  const std::string body(150'000, 'x');
  BOOST_TEST(waiting.answer(0, body));
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 0; }));
  // Everything is with the kernel. Who has its answer and keeps the socket is closed after that time, this one is not.
  TcpSocket other("127.0.0.1", fixture.port());
  other.write("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string rest;
  BOOST_TEST(read_http_response(other, rest).status == 404);
  BOOST_TEST(eventually([&] { return fixture.counters().sockets == 1; }));
  rest.clear();
  BOOST_TEST((read_http_response(socket, rest).body == body));
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(requests_beyond_the_bounds_are_told_to_come_back) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.max_answers = 2;
  config.max_answer_bytes = 1'000'000;
  EndpointFixture fixture(config);
  Waiting waiting(fixture);
  std::vector<TcpSocket> sockets;
  for (int i = 0; i < 2; ++i) {
    sockets.push_back(ask(fixture.port(), kSnapshot));
    BOOST_TEST(eventually([&] { return waiting.asked == i + 1; }));
  }
  BOOST_TEST(http_get(fixture.port(), kSnapshot).status == 503);
  // One answer is taken, so there is room for a request again; but not for another body while this one is not taken.
  BOOST_TEST(waiting.answer(0, "1"));
  std::string rest;
  BOOST_TEST(read_http_response(sockets[0], rest).body == "1");
  BOOST_TEST(waiting.answer(1, std::string(kBig, 'x')));
  const HttpResponse busy = http_get(fixture.port(), kHistory);
  BOOST_TEST(busy.status == 503);
  BOOST_TEST(!busy.header("retry-after").empty());
  BOOST_TEST(fixture.counters().histories[503] == 1u);
}

BOOST_AUTO_TEST_CASE(an_answerer_that_throws_is_an_internal_error) {
  EndpointFixture fixture;
  fixture.on_get = [](const access::Admission&, const ws::HttpAnswerer::Done&) -> ws::HttpAnswerer::Answer {
    throw std::runtime_error("bug");
  };
  const HttpResponse response = http_get(fixture.port(), kSnapshot);
  BOOST_TEST(response.status == 500);
  BOOST_TEST(error_code(response) == "internal");
}

BOOST_AUTO_TEST_CASE(the_end_of_the_endpoint_ends_what_is_pending) {
  auto fixture = std::make_unique<EndpointFixture>();
  Waiting waiting(*fixture);
  TcpSocket socket = ask(fixture->port(), kSnapshot);
  BOOST_TEST(eventually([&] { return waiting.asked == 1; }));
  fixture->run([&] { fixture->endpoint().abort_all(); });
  BOOST_TEST(waiting.ended == 1);
  std::string rest;
  BOOST_TEST((socket.read_some(rest) == TcpSocket::Read::end));
}

BOOST_AUTO_TEST_SUITE_END()
