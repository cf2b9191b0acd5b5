// Answers of the health and admin ports as bytes, and the one shape that all their errors have. Pure.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace pulsegate::ops {

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow{};  // of a 405: "GET, HEAD"
};

// "Not Found"; "Unknown" for a status that these ports never send.
std::string_view reason_phrase(int status) noexcept;

// {"error":{"code":"not-found","message":…}}; the code is the reason phrase in kebab case. `message` must be valid
// UTF-8.
HttpResponse http_error(int status, std::string_view message, std::string_view allow = {});

// Head and body. `head_only`: the head as for GET, without the body (RFC 9110, section 9.3.2).
void append_response(std::string& out, const HttpResponse& response, bool keep_alive, bool head_only, std::time_t now);

}  // namespace pulsegate::ops
