// The dashboard page over real HTTP: every file that it names is there, in every form; and who gets it when.
#include <boost/test/unit_test.hpp>

#include <regex>
#include <set>

#include <zlib.h>

#include "auth_world.hpp"

using namespace pulsegate::test;

namespace {

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  BOOST_TEST_REQUIRE(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  std::string text(4 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  BOOST_TEST(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

HttpResponse get(Stack& stack, const std::string& target, Headers headers = {}) {
  HttpOptions options;
  options.headers = std::move(headers);
  return stack.gateway().get(target, options);
}

// All that came until the gateway ended the connection.
std::string converse(std::uint16_t port, const std::string& request) {
  TcpSocket socket("127.0.0.1", port);
  socket.write(request);
  std::string received;
  while (socket.read_some(received) == TcpSocket::Read::data) {
  }
  return received;
}

// The files that the page names, as paths.
std::set<std::string> files_of(const std::string& page) {
  static const std::regex kNamed(R"re((?:src|href)="\.?/([^"#?]+)")re");
  std::set<std::string> files;
  for (std::sregex_iterator i(page.begin(), page.end(), kNamed), end; i != end; ++i) files.insert("/" + (*i)[1].str());
  return files;
}

double requests(Stack& stack, const std::string& status) {
  return stack.gateway().metric("pulsegate_http_requests_total{route=\"page\",status=\"" + status + "\"}").value_or(-1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Dashboard)

BOOST_AUTO_TEST_CASE(the_page_and_all_that_it_names_is_there_in_every_form) {
  Stack stack;
  const HttpResponse page = get(stack, "/?devices=" + new_device());
  BOOST_TEST_REQUIRE(page.status == 200);
  BOOST_TEST(page.header("content-type") == "text/html; charset=utf-8");
  BOOST_TEST(page.header("cache-control") == "no-cache");
  const std::string host = "127.0.0.1:" + std::to_string(stack.gateway().port());
  BOOST_TEST(page.header("content-security-policy") ==
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws://" +
                 host + " wss://" + host +
                 "; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  BOOST_TEST(page.header("x-content-type-options") == "nosniff");
  BOOST_TEST(page.header("referrer-policy") == "no-referrer");
  std::set<std::string> files = files_of(page.body);
  BOOST_TEST(files.count("/favicon.svg") == 1u);
  BOOST_TEST(files.size() >= 3u);  // and a script, and a style sheet
  files.insert("/");
  for (const std::string& file : files) {
    BOOST_TEST_INFO_SCOPE(file);
    const HttpResponse plain = get(stack, file);
    BOOST_TEST_REQUIRE(plain.status == 200);
    BOOST_TEST(plain.header("content-length") == std::to_string(plain.body.size()));
    BOOST_TEST(plain.header("content-encoding").empty());
    BOOST_TEST(plain.header("vary") == "Accept-Encoding");
    BOOST_TEST((plain.header("cache-control") == "public, max-age=31536000, immutable") ==
               (file.find("/assets/") == 0));
    const HttpResponse gzip = get(stack, file, {{"Accept-Encoding", "gzip"}});
    BOOST_TEST(gzip.header("etag") != plain.header("etag"));
    BOOST_TEST(gzip.header("content-encoding") == "gzip");
    BOOST_TEST((gunzip(gzip.body) == plain.body));
    const HttpResponse brotli = get(stack, file, {{"Accept-Encoding", "gzip, deflate, br, zstd"}});
    BOOST_TEST(brotli.header("content-encoding") == "br");
    BOOST_TEST(brotli.body.size() < gzip.body.size());
    for (const HttpResponse& each : {plain, gzip, brotli}) {
      const std::string coding = each.header("content-encoding");
      const HttpResponse known =
          get(stack, file,
              {{"Accept-Encoding", coding.empty() ? "identity" : coding}, {"If-None-Match", each.header("etag")}});
      BOOST_TEST(known.status == 304);
      BOOST_TEST(known.header("etag") == each.header("etag"));
      BOOST_TEST(known.header("content-length").empty());
    }
  }
  BOOST_TEST(requests(stack, "304") == 3.0 * static_cast<double>(files.size()));
  BOOST_TEST(requests(stack, "200") == 1 + 3.0 * static_cast<double>(files.size()));
}

BOOST_AUTO_TEST_CASE(head_tells_the_length_and_nothing_else) {
  Stack stack;
  const std::size_t length = get(stack, "/").body.size();
  const std::string answer = converse(stack.gateway().port(), "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(answer.find("HTTP/1.1 200 OK\r\n") == 0u);
  BOOST_TEST(answer.find("\r\nContent-Length: " + std::to_string(length) + "\r\n") != std::string::npos);
  BOOST_TEST(answer.find("\r\n\r\n") == answer.size() - 4);
  const std::string known = converse(stack.gateway().port(), "GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n");
  BOOST_TEST(known.find("HTTP/1.1 304 Not Modified\r\n") == 0u);
  BOOST_TEST(known.find("\r\n\r\n") == known.size() - 4);
}

BOOST_AUTO_TEST_CASE(no_path_leads_out_of_the_page) {
  Stack stack;
  const std::uint16_t port = stack.gateway().port();
  for (const std::string target : {"/assets/../../../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets/",
                                   "/assets/.", "/assets/page.ts", "//etc/passwd", "/..", "/index.html",
                                   "/assets\\..\\x", "/%00", "/favicon.svg%00.js", "http://x/../etc/passwd"}) {
    const std::string answer = converse(port, "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(answer.find("HTTP/1.1 404 Not Found\r\n") == 0u, target << ": " << answer);
    BOOST_TEST(answer.find("\"code\":\"not-found\"") != std::string::npos, target);
  }
}

BOOST_AUTO_TEST_CASE(the_page_is_only_read) {
  Stack stack;
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    const std::string answer =
        converse(stack.gateway().port(), method + " / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(answer.find("HTTP/1.1 405 Method Not Allowed\r\n") == 0u, answer);
    BOOST_TEST(answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos, answer);
  }
  BOOST_TEST(requests(stack, "405") == 5);
  const WsClient client = WsClient::attempt(stack.gateway().port(), "/", {});
  BOOST_TEST(client.response().status == 404);
}

BOOST_AUTO_TEST_CASE(it_needs_no_token_but_the_right_name) {
  AuthWorld world({"--allowed-origin", "https://dash.example", "--allowed-host", "gate.example"});
  for (const std::string target : {"/", "/favicon.svg"}) {
    BOOST_TEST(get(world.stack, target, {{"Host", "gate.example"}}).status == 200);
    BOOST_TEST(get(world.stack, target, {{"Host", "gate.example"}, {"Origin", "https://evil.example"}}).status == 200);
    BOOST_TEST(get(world.stack, target, {{"Host", "rebound.example"}}).status == 403);
  }
  BOOST_TEST(requests(world.stack, "403") == 2);
}

BOOST_AUTO_TEST_CASE(switched_off_there_is_none) {
  Stack stack({"--no-dashboard"});
  for (const std::string target : {"/", "/favicon.svg", "/assets/page.js"}) {
    const HttpResponse response = get(stack, target);
    BOOST_TEST(response.status == 404);
    BOOST_TEST(response.json().at("error").at("message").string().find("This gateway serves no dashboard page") == 0u,
               response.body);
  }
  BOOST_TEST(requests(stack, "404") == 0);
  BOOST_TEST(stack.gateway().metric("pulsegate_connections_refused_total{reason=\"not-found\"}").value_or(-1) == 3);
}

BOOST_AUTO_TEST_CASE(while_draining_another_replica_is_asked) {
  Stack stack({"--drain-time", "100ms"});
  stack.gateway().admin_post("/drain");
  BOOST_REQUIRE(stack.gateway().wait_for_log("drain.begin"));
  const HttpResponse response = get(stack, "/");
  BOOST_TEST(response.status == 503);
  BOOST_TEST(!response.header("retry-after").empty());
}

BOOST_AUTO_TEST_CASE(with_several_shards_it_is_the_same) {
  Stack stack({"--shards", "3"});
  const std::string tag = get(stack, "/").header("etag");
  for (int i = 0; i < 8; ++i) BOOST_TEST(get(stack, "/?" + std::to_string(i)).header("etag") == tag);
  BOOST_TEST(requests(stack, "200") == 9);
}

BOOST_AUTO_TEST_SUITE_END()
