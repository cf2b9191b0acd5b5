// What a plain HTTP request is answered with, and the errors of the public port. Pure; knows no websocketpp.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/access/admission.hpp"
#include "proto/close_code.hpp"
#include "proto/error_code.hpp"

namespace pulsegate::ws {

struct HttpAnswer {
  int status = 200;
  std::string body;  // JSON; empty: there is none, or it is a file of the page
  // Beside those that every answer has: Content-Type (of JSON), Cache-Control, Connection; or in place of them.
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"error":{"code":"not-found","message":"…"}} and a newline: the body of every error. `message` must be valid UTF-8.
std::string error_body(proto::ErrorCode code, std::string_view message);

// When to come back after a close with `code`: up to three times as long as the table says at least, at random, so that
// those who were refused together do not return together.
std::chrono::milliseconds retry_after(proto::CloseCode code);

// With Retry-After, as retry_after() says, where the status is 429 or 503.
HttpAnswer http_error(int status, proto::ErrorCode code, std::string_view message);

// How a refusal is told to whoever does not speak WebSocket. Requires: !admission.accepted.
HttpAnswer refusal(const access::Admission& admission);

}  // namespace pulsegate::ws
