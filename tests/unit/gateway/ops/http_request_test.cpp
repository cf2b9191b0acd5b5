// The reader of HTTP requests: what is a request, what is refused with which status, and that pieces do not matter.
#include "gateway/ops/http_request.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace pulsegate::ops;
using Result = HttpRequestParser::Result;

namespace {

// Reads one request that must be complete.
HttpRequest good(const std::string& text) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(text);
  const Result result = parser.next(request);
  BOOST_REQUIRE_MESSAGE(result == Result::complete,
                        text << " -> " << parser.refusal().status << " " << parser.refusal().reason);
  return request;
}

// The status with which a text is refused; 0: it is not.
int refused(const std::string& text) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(text);
  return parser.next(request) == Result::refused ? parser.refusal().status : 0;
}

bool incomplete(const std::string& text) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(text);
  return parser.next(request) == Result::incomplete;
}

std::string with_header(const std::string& header) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + header + "\r\n\r\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HttpRequestReader)

BOOST_AUTO_TEST_CASE(a_request_is_read_whole) {
  const HttpRequest request =
      good("POST /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-One:  two \r\nContent-Length: 4\r\n\r\nbody");
  BOOST_TEST(request.method == "POST");
  BOOST_TEST(request.path == "/a/b");
  BOOST_TEST(request.query == "c=d&e");
  BOOST_TEST(request.header("x-one") == "two");
  BOOST_TEST(request.header("absent") == "");
  BOOST_TEST(request.body == "body");
  BOOST_TEST(request.keep_alive);
}

BOOST_AUTO_TEST_CASE(pieces_do_not_matter) {
  const std::string text = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  HttpRequestParser parser;
  HttpRequest request;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    parser.append(text.substr(i, 1));
    BOOST_REQUIRE((parser.next(request) == Result::incomplete));
  }
  parser.append(text.substr(text.size() - 1));
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(request.body == "abc");
  BOOST_TEST(!parser.started());
}

BOOST_AUTO_TEST_CASE(requests_may_follow_each_other_in_one_piece) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3");
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(request.path == "/1");
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(request.path == "/2");
  BOOST_TEST(request.body == "");
  BOOST_TEST((parser.next(request) == Result::incomplete));
  BOOST_TEST(parser.started());
}

BOOST_AUTO_TEST_CASE(keep_alive_follows_version_and_header) {
  BOOST_TEST(good(with_header("Connection: keep-alive")).keep_alive);
  BOOST_TEST(!good(with_header("Connection: close")).keep_alive);
  BOOST_TEST(!good(with_header("Connection: Upgrade, CLOSE")).keep_alive);
  BOOST_TEST(good(with_header("Connection: closed")).keep_alive);
  BOOST_TEST(!good("GET / HTTP/1.0\r\n\r\n").keep_alive);
  BOOST_TEST(good("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

BOOST_AUTO_TEST_CASE(targets_are_paths) {
  BOOST_TEST(good("GET /? HTTP/1.1\r\nHost: a\r\n\r\n").path == "/");
  BOOST_TEST(good("GET /a%20b HTTP/1.1\r\nHost: a\r\n\r\n").path == "/a%20b");
  BOOST_TEST(good("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n").path == "/a");
  BOOST_TEST(good("GET http://host:1/a?b HTTP/1.1\r\nHost: a\r\n\r\n").path == "/a");
  BOOST_TEST(good("GET http://host HTTP/1.1\r\nHost: a\r\n\r\n").path == "/");
  BOOST_TEST(refused("GET a HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  BOOST_TEST(refused("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  BOOST_TEST(refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

BOOST_AUTO_TEST_CASE(broken_request_lines_are_refused) {
  for (const char* line : {"GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / / HTTP/1.1",
                           "G=T / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET\t/ HTTP/1.1", "GET /\x01 HTTP/1.1"})
    BOOST_TEST(refused(std::string(line) + "\r\nHost: a\r\n\r\n") == 400, line);
  BOOST_TEST(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
  BOOST_TEST(refused("GET / HTTP/1.2\r\nHost: a\r\n\r\n") == 505);
}

BOOST_AUTO_TEST_CASE(broken_headers_are_refused) {
  for (const char* header : {"X : y", "X", ": y", " folded: y", "X\x01: y", "X: y\x01", "X\xC3: y", "X: y\rz"})
    BOOST_TEST(refused(with_header(header)) == 400, header);
  BOOST_TEST(refused(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 34)) == 400);
  good(with_header("X:"));
  good(with_header("X: caf\xC3\xA9"));
}

BOOST_AUTO_TEST_CASE(one_host_is_needed) {
  BOOST_TEST(refused("GET / HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(refused(with_header("Host: b")) == 400);
}

BOOST_AUTO_TEST_CASE(a_bare_line_feed_is_refused_at_once) {
  BOOST_TEST(refused("GET / HTTP/1.1\n") == 400);
  BOOST_TEST(refused("\n") == 400);
  BOOST_TEST(refused("GET / HTTP/1.1\r\nHost: a\n\n") == 400);
}

BOOST_AUTO_TEST_CASE(empty_lines_before_a_request_are_skipped) {
  BOOST_TEST(good("\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n").path == "/x");
}

BOOST_AUTO_TEST_CASE(a_body_has_one_plain_length) {
  BOOST_TEST(refused(with_header("Content-Length: 1\r\nContent-Length: 1")) == 400);
  for (const char* length : {"", "-1", "+1", "1,1", "0x1", "1 1", "one", "1.0"})
    BOOST_TEST(refused(with_header(std::string("Content-Length: ") + length)) == 400, length);
  BOOST_TEST(refused(with_header("Transfer-Encoding: chunked")) == 501);
  BOOST_TEST(refused(with_header("Transfer-Encoding: identity\r\nContent-Length: 0")) == 501);
}

BOOST_AUTO_TEST_CASE(a_body_that_is_too_large_is_refused_by_its_length) {
  BOOST_TEST(refused(with_header("Content-Length: 262145")) == 413);
  BOOST_TEST(refused(with_header("Content-Length: 18446744073709551615")) == 413);
  BOOST_TEST(refused(with_header("Content-Length: 99999999999999999999999")) == 413);
  BOOST_TEST(incomplete(with_header("Content-Length: 262144")));
}

BOOST_AUTO_TEST_CASE(a_head_that_is_too_long_is_refused_before_it_ends) {
  BOOST_TEST(refused(with_header("X: " + std::string(9'000, 'x'))) == 431);
  BOOST_TEST(refused("GET /" + std::string(9'000, 'x')) == 431);
  BOOST_TEST(incomplete("GET /" + std::string(8'000, 'x')));
}

BOOST_AUTO_TEST_CASE(expect_100_continue_is_told_once) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(with_header("Expect: 100-Continue\r\nContent-Length: 2"));
  BOOST_TEST((parser.next(request) == Result::incomplete));
  BOOST_TEST(parser.take_expects_continue());
  BOOST_TEST(!parser.take_expects_continue());
  parser.append("ok");
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(refused(with_header("Expect: miracles")) == 417);
}

BOOST_AUTO_TEST_CASE(a_body_that_came_with_its_head_needs_no_continue) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append(with_header("Expect: 100-continue\r\nContent-Length: 2") + "ok");
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(!parser.take_expects_continue());
}

BOOST_AUTO_TEST_CASE(a_body_of_its_own_request_never_leaks_into_the_next) {
  HttpRequestParser parser;
  HttpRequest request;
  parser.append("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST((parser.next(request) == Result::complete));
  BOOST_TEST(request.method == "GET");
  BOOST_TEST(request.body == "");
  BOOST_TEST(request.headers.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
