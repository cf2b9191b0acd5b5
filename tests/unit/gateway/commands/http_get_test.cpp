// URLs and answers of the small HTTP client; its sockets are tested with the port that it talks to.
#include "gateway/commands/http_get.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::commands;

namespace {

std::string url(const std::string& text) {
  std::string error;
  const auto parsed = parse_http_url(text, error);
  BOOST_TEST(parsed.has_value() == error.empty());
  return parsed ? parsed->address.host + " " + std::to_string(parsed->address.port) + " " + parsed->target : "refused";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HttpGet)

BOOST_AUTO_TEST_CASE(urls_have_a_host_and_may_have_a_port_and_a_path) {
  BOOST_TEST(url("http://127.0.0.1:9091/readyz") == "127.0.0.1 9091 /readyz");
  BOOST_TEST(url("http://localhost") == "localhost 80 /");
  BOOST_TEST(url("http://[::1]:9091/a?b=c#d") == "::1 9091 /a?b=c");
  BOOST_TEST(url("http://[::1]/") == "::1 80 /");
  BOOST_TEST(url("http://a?b") == "a 80 /?b");
}

BOOST_AUTO_TEST_CASE(other_urls_are_refused) {
  for (const char* text : {"", "127.0.0.1:9091", "https://a", "ws://a", "http://", "http://:80/", "http:///x",
                           "http://a:x/", "http://a:70000/", "http://u@a/", "http://a/ b", "http://a/\r\nX: y"})
    BOOST_TEST(url(text) == "refused", text);
}

BOOST_AUTO_TEST_CASE(an_answer_has_a_status_and_a_body) {
  const auto answer = read_http_answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nnope");
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->status == 503);
  BOOST_TEST(answer->body == "no");
  BOOST_TEST(read_http_answer("HTTP/1.0 200\r\n\r\nrest")->body == "rest");
  BOOST_TEST(read_http_answer("HTTP/1.1 200 OK\r\ncontent-LENGTH:99\r\n\r\nshort")->body == "short");
}

BOOST_AUTO_TEST_CASE(what_is_not_http_is_no_answer) {
  for (const char* text : {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1\r\n\r\n",
                           "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 020 X\r\n\r\n"})
    BOOST_TEST(!read_http_answer(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
