// A blocking HTTP/1.1 client: one request, one connection.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/json.hpp"
#include "tests/support/tcp_socket.hpp"

namespace pulsegate::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  std::string reason;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The first header of that name (lower case); empty when there is none.
  std::string header(const std::string& name) const;
  Json json() const { return Json::parse(body); }
};

struct HttpOptions {
  Headers headers;  // added to Host and Connection: close, or in place of them
  TcpOptions tcp;
  Millis deadline = kDeadline;
};

// Throw std::runtime_error when nobody answers in time or the answer is not HTTP.
HttpResponse http_get(std::uint16_t port, const std::string& target, const HttpOptions& options = {});
HttpResponse http_post(std::uint16_t port, const std::string& target, const std::string& body,
                       const HttpOptions& options = {});
HttpResponse http_request(const std::string& method, const std::string& host, std::uint16_t port,
                          const std::string& target, const std::string& body, const HttpOptions& options = {});

// The pieces, for tests that write their own bytes. The head ends with its empty line; nullopt: not HTTP.
std::optional<HttpResponse> parse_http_head(std::string_view head);
// Reads one answer; `rest` takes what came after the head of an answer without body (101), or after the body.
HttpResponse read_http_response(TcpSocket& socket, std::string& rest, Millis deadline = kDeadline);

}  // namespace pulsegate::test
