#include "gateway/web/page.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

#include "gateway/web/embedded.hpp"

using namespace pulsegate::web;

namespace {

File script() {
  return {
      "/assets/page-0f.js", "text/javascript; charset=utf-8", "0123abcd", true, "alert(1);alert(1);", "gzipped", "br"};
}
File index_page() {
  return {"/", "text/html; charset=utf-8", "4567", false, "<!doctype html>", "longer than it was", "brotli"};
}

PageAnswer ask(const File& file, std::string_view accept, std::string_view if_none_match = {}) {
  return answer(file, {"dash.example:8080", accept, if_none_match});
}

std::string header(const PageAnswer& answer, std::string_view name) {
  std::string found;
  for (const auto& [each, value] : answer.headers) {
    if (each != name) continue;
    BOOST_TEST(found.empty(), name << " stands there twice");
    found = value;
  }
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(DashboardPage)

BOOST_AUTO_TEST_CASE(only_what_stands_in_the_table_is_found) {
  const Page page({script(), index_page(), {"/favicon.svg", "image/svg+xml", "8", false, "<svg/>", "", ""}});
  BOOST_TEST(page.files().size() == 3u);
  for (const char* path : {"/", "/assets/page-0f.js", "/favicon.svg"}) {
    BOOST_TEST_REQUIRE(page.find(path) != nullptr, path);
    BOOST_TEST(page.find(path)->path == path);
  }
  for (const char* path : {"", "/index.html", "/assets/", "/assets", "/assets/page-0f.js/", "/assets//page-0f.js", "//",
                           "/assets/../favicon.svg", "/assets/%70age-0f.js", "/assets/page-0f.j", "/assets/page-0f.jsx",
                           "/ASSETS/page-0f.js", "/../etc/passwd", "favicon.svg"})
    BOOST_TEST(page.find(path) == nullptr, path);
  BOOST_TEST(Page({}).find("/") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_file_is_sent_in_the_form_that_was_agreed_upon) {
  const PageAnswer brotli = ask(script(), "br, gzip");
  BOOST_TEST(brotli.status == 200);
  BOOST_TEST(brotli.body == "br");
  BOOST_TEST(header(brotli, "Content-Encoding") == "br");
  BOOST_TEST(header(brotli, "Content-Length") == "2");
  BOOST_TEST(header(brotli, "Content-Type") == "text/javascript; charset=utf-8");
  const PageAnswer gzip = ask(script(), "gzip");
  BOOST_TEST(gzip.body == "gzipped");
  BOOST_TEST(header(gzip, "Content-Encoding") == "gzip");
  const PageAnswer plain = ask(script(), "");
  BOOST_TEST(plain.body == script().plain);
  BOOST_TEST(plain.body.data() == script().plain.data());  // shared, not copied
  BOOST_TEST(header(plain, "Content-Encoding").empty());
  BOOST_TEST(header(plain, "Content-Length") == "18");
  for (const PageAnswer& each : {brotli, gzip, plain}) BOOST_TEST(header(each, "Vary") == "Accept-Encoding");
}

BOOST_AUTO_TEST_CASE(what_compressing_makes_longer_is_sent_as_it_is) {
  const PageAnswer answer = ask(index_page(), "gzip");
  BOOST_TEST(answer.body == "<!doctype html>");
  BOOST_TEST(header(answer, "Content-Encoding").empty());
  BOOST_TEST(header(answer, "ETag") == "\"4567\"");
}

BOOST_AUTO_TEST_CASE(each_form_has_its_own_strong_tag) {
  BOOST_TEST(header(ask(script(), ""), "ETag") == "\"0123abcd\"");
  BOOST_TEST(header(ask(script(), "gzip"), "ETag") == "\"0123abcd-gzip\"");
  BOOST_TEST(header(ask(script(), "br"), "ETag") == "\"0123abcd-br\"");
}

BOOST_AUTO_TEST_CASE(who_has_it_already_is_told_so) {
  for (const char* known : {"\"0123abcd-br\"", "W/\"0123abcd-br\"", "\"x\", \"0123abcd-br\"",
                            "\"x\",W/\"0123abcd-br\" ", "*", " \"0123abcd-br\""}) {
    BOOST_TEST_INFO(known);
    const PageAnswer answer = ask(script(), "br", known);
    BOOST_TEST(answer.status == 304);
    BOOST_TEST(answer.body.empty());
    BOOST_TEST(header(answer, "Content-Length").empty());
    BOOST_TEST(header(answer, "Content-Encoding").empty());
    BOOST_TEST(header(answer, "ETag") == "\"0123abcd-br\"");
    BOOST_TEST(header(answer, "Vary") == "Accept-Encoding");
    BOOST_TEST(header(answer, "Cache-Control") == "public, max-age=31536000, immutable");
    BOOST_TEST(!header(answer, "Content-Security-Policy").empty());
  }
  for (const char* other :
       {"\"0123abcd\"", "\"0123abcd-gzip\"", "0123abcd-br", "\"0123abcd-b\"", "", ",", "\"\"", "w/\"0123abcd-br\""})
    BOOST_TEST(ask(script(), "br", other).status == 200, other);
}

BOOST_AUTO_TEST_CASE(names_that_change_with_their_content_are_kept_for_ever_and_the_page_never_unasked) {
  BOOST_TEST(header(ask(script(), ""), "Cache-Control") == "public, max-age=31536000, immutable");
  BOOST_TEST(header(ask(index_page(), ""), "Cache-Control") == "no-cache");
}

BOOST_AUTO_TEST_CASE(every_answer_says_what_a_page_may_do) {
  const PageAnswer answer = ask(index_page(), "");
  BOOST_TEST(header(answer, "X-Content-Type-Options") == "nosniff");
  BOOST_TEST(header(answer, "Referrer-Policy") == "no-referrer");
  BOOST_TEST(header(answer, "Cross-Origin-Opener-Policy") == "same-origin");
  BOOST_TEST(header(answer, "Cross-Origin-Resource-Policy") == "same-origin");
  BOOST_TEST(
      header(answer, "Content-Security-Policy") ==
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' "
      "ws://dash.example:8080 wss://dash.example:8080; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'");
}

BOOST_AUTO_TEST_CASE(nothing_but_a_host_gets_into_the_policy) {
  for (const char* host : {"127.0.0.1", "[::1]:8080", "Dash.Example"})
    BOOST_TEST(content_security_policy(host).find(std::string("wss://") + host + ";") != std::string::npos, host);
  for (const std::string& host : {std::string(), std::string("a; script-src *"), std::string("a b"), std::string("a,b"),
                                  std::string("*"), std::string("*.example"), std::string("a/b"), std::string("a'b"),
                                  std::string("a\r\nX: y"), std::string(256, 'a'), std::string("b\xc3\xbc")})
    BOOST_TEST(content_security_policy(host).find("connect-src 'self'; ") != std::string::npos, host);
}

BOOST_AUTO_TEST_CASE(the_page_of_this_build_is_whole) {
  const Page* page = embedded_page();
  if (page == nullptr) return;  // built with PULSEGATE_DASHBOARD=OFF
  BOOST_TEST_REQUIRE(page->find("/") != nullptr);
  BOOST_TEST(page->find("/")->type == "text/html; charset=utf-8");
  BOOST_TEST(!page->find("/")->immutable);
  BOOST_TEST((page->find("/favicon.svg") != nullptr));
  std::size_t assets = 0;
  for (const File& file : page->files()) {
    BOOST_TEST(!file.plain.empty(), file.path);
    BOOST_TEST(file.gzip.substr(0, 2) == "\x1f\x8b", file.path);
    BOOST_TEST(!file.brotli.empty(), file.path);
    BOOST_TEST(file.immutable == (file.path.substr(0, 8) == "/assets/"), file.path);
    assets += file.immutable ? 1 : 0;
  }
  BOOST_TEST(assets >= 2u);
}

BOOST_AUTO_TEST_SUITE_END()
