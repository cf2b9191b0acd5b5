// Files of the page at the endpoint: shared by all who load them, and bounded like other answers.
#include <boost/test/unit_test.hpp>

#include "gateway/web/page.hpp"
#include "tests/integration/ws/endpoint_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using std::chrono::milliseconds;

namespace {

const std::string kBig(8 * 1024 * 1024, 'x');  // more than two kernels hold of a connection

const web::Page& page() {
  static const web::Page kPage(
      {{"/", "text/html; charset=utf-8", "1", false, "<!doctype html>", "", ""},
       {"/assets/big.js", "text/javascript; charset=utf-8", "2", true, kBig, "small", "smaller"}});
  return kPage;
}

ws::EndpointConfig with_page() {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.page = &page();
  return config;
}

TcpSocket ask(std::uint16_t port, const std::string& target) {
  TcpSocket socket("127.0.0.1", port);
  socket.write("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  return socket;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PageFiles)

BOOST_AUTO_TEST_CASE(files_are_sent_whole) {
  EndpointFixture fixture(with_page());
  BOOST_TEST(http_get(fixture.port(), "/").body == "<!doctype html>");
  BOOST_TEST((http_get(fixture.port(), "/assets/big.js").body == kBig));
  HttpOptions options;
  options.headers = {{"Accept-Encoding", "br;q=0.1, gzip"}};
  BOOST_TEST(http_get(fixture.port(), "/assets/big.js", options).body == "small");
  BOOST_TEST(http_get(fixture.port(), "/assets/small.js").status == 404);
  BOOST_TEST(fixture.wait_empty());
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.pages[200] == 3u);
  BOOST_TEST(counters.pages[404] == 1u);
  BOOST_TEST(counters.handshaking == 0u);
  BOOST_TEST(counters.answering == 0u);
  BOOST_TEST(counters.answer_bytes == 0u);
  BOOST_TEST(counters.backlog_bytes == 0u);
  BOOST_TEST(counters.handshake_failures == 0u);
}

BOOST_AUTO_TEST_CASE(who_reads_slowly_costs_no_copy_of_the_file) {
  EndpointFixture fixture(with_page());
  BOOST_TEST((http_get(fixture.port(), "/assets/big.js").body == kBig));
  std::vector<TcpSocket> slow;
  for (int i = 0; i < 4; ++i) slow.push_back(ask(fixture.port(), "/assets/big.js"));
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 4; }));
  BOOST_TEST(fixture.counters().answer_bytes == 4 * kBig.size());
  for (TcpSocket& socket : slow) {
    std::string rest;
    BOOST_TEST((read_http_response(socket, rest).body == kBig));
  }
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().answer_bytes == 0u);
  BOOST_TEST(fixture.counters().backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(who_does_not_take_it_is_cut_off) {
  ws::EndpointConfig config = with_page();
  config.answer_timeout = milliseconds(300);
  EndpointFixture fixture(config);
  TcpSocket socket = ask(fixture.port(), "/assets/big.js");
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 1; }));
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().answer_bytes == 0u);
  BOOST_TEST(fixture.counters().backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(beyond_the_bounds_it_is_told_to_come_back) {
  ws::EndpointConfig config = with_page();
  config.max_answers = 2;
  EndpointFixture fixture(config);
  std::vector<TcpSocket> slow;
  for (int i = 0; i < 2; ++i) slow.push_back(ask(fixture.port(), "/assets/big.js"));
  BOOST_TEST(eventually([&] { return fixture.counters().answering == 2; }));
  const HttpResponse busy = http_get(fixture.port(), "/");
  BOOST_TEST(busy.status == 503);
  BOOST_TEST(!busy.header("retry-after").empty());
  BOOST_TEST(fixture.counters().pages[503] == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_page_there_is_none) {
  EndpointFixture fixture;
  BOOST_TEST(http_get(fixture.port(), "/").status == 404);
  BOOST_TEST(fixture.counters().refused[404] == 1u);
  BOOST_TEST(fixture.counters().pages.empty());
}

BOOST_AUTO_TEST_CASE(the_end_of_the_endpoint_ends_what_is_being_sent) {
  auto fixture = std::make_unique<EndpointFixture>(with_page());
  TcpSocket socket = ask(fixture->port(), "/assets/big.js");
  BOOST_TEST(eventually([&] { return fixture->counters().answering == 1; }));
  fixture->run([&] { fixture->endpoint().abort_all(); });
  BOOST_TEST(fixture->counters().answering == 0u);
  BOOST_TEST(fixture->counters().backlog_bytes == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
