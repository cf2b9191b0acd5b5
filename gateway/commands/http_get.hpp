// A small blocking HTTP client for `health` and `drain`: one request, one connection, one deadline for all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/config.hpp"

namespace pulsegate::commands {

struct HttpUrl {
  Address address;
  std::string target;  // path and query, at least "/"
};

// "http://host[:port][/path][?query]". nullopt: `error` is one sentence that says what is expected.
std::optional<HttpUrl> parse_http_url(std::string_view text, std::string& error);

struct HttpAnswer {
  int status = 0;
  std::string body;  // at most 1 MiB
};

// An answer of any status, or a sentence that says why there is none. Never throws on anything that a server does.
std::variant<HttpAnswer, std::string> http_call(std::string_view method, const HttpUrl& url, Millis timeout);
inline std::variant<HttpAnswer, std::string> http_get(const HttpUrl& url, Millis timeout) {
  return http_call("GET", url, timeout);
}

// The status and body of a whole response, nullopt when it is not HTTP/1. Without Content-Length the body is the rest.
std::optional<HttpAnswer> read_http_answer(std::string_view response);

}  // namespace pulsegate::commands
