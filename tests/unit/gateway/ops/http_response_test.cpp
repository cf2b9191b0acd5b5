// Answers as bytes.
#include "gateway/ops/http_response.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::ops;

BOOST_AUTO_TEST_SUITE(HttpResponseBytes)

BOOST_AUTO_TEST_CASE(carry_length_type_and_date) {
  HttpResponse response;
  response.body = "{}\n";
  std::string out;
  append_response(out, response, true, false, 784'111'777);
  BOOST_TEST(out ==
             "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
             "application/json\r\nContent-Length: 3\r\n"
             "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: keep-alive\r\n\r\n{}\n");
}

BOOST_AUTO_TEST_CASE(of_head_have_the_length_but_not_the_body) {
  HttpResponse response;
  response.body = "body";
  std::string out;
  append_response(out, response, false, true, 0);
  BOOST_TEST(out.find("Content-Length: 4\r\n") != std::string::npos);
  BOOST_TEST(out.find("Connection: close\r\n\r\n") == out.size() - 21);
}

BOOST_AUTO_TEST_CASE(of_errors_are_json_with_code_and_message) {
  const HttpResponse response = http_error(405, "Use \"GET\".", "GET, HEAD");
  BOOST_TEST(response.status == 405);
  BOOST_TEST(response.allow == "GET, HEAD");
  BOOST_TEST(response.body == "{\"error\":{\"code\":\"method-not-allowed\",\"message\":\"Use \\\"GET\\\".\"}}\n");
  std::string out;
  append_response(out, response, false, false, 0);
  BOOST_TEST(out.find("HTTP/1.1 405 Method Not Allowed\r\n") == 0u);
  BOOST_TEST(out.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(know_every_status_that_a_refusal_uses) {
  for (const int status : {400, 403, 404, 405, 408, 413, 417, 431, 500, 501, 503, 505})
    BOOST_TEST(reason_phrase(status) != "Unknown", status);
  BOOST_TEST(reason_phrase(299) == "Unknown");
}

BOOST_AUTO_TEST_SUITE_END()
