#include "gateway/ws/http_answer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "proto/close_code.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {
namespace {

// As long as a WebSocket that is sent away for the same reason is told to wait.
std::string seconds_until_retry(proto::CloseCode code) {
  const auto after = retry_after(code);
  return std::to_string(std::max<long long>(1, std::chrono::ceil<std::chrono::seconds>(after).count()));
}

}  // namespace

std::chrono::milliseconds retry_after(proto::CloseCode code) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto least = proto::close_info(code).after.count();
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(least, 3 * least)(random));
}

std::string error_body(proto::ErrorCode code, std::string_view message) {
  std::string body = "{\"error\":{\"code\":";
  proto::append_json_string(body, proto::name(code));
  body += ",\"message\":";
  proto::append_json_string(body, message);
  body += "}}\n";
  return body;
}

HttpAnswer http_error(int status, proto::ErrorCode code, std::string_view message) {
  HttpAnswer answer{status, error_body(code, message), {}};
  if (status == 503) answer.headers.emplace_back("Retry-After", seconds_until_retry(proto::CloseCode::try_again_later));
  if (status == 429)
    answer.headers.emplace_back("Retry-After", seconds_until_retry(proto::CloseCode::too_many_requests));
  return answer;
}

HttpAnswer refusal(const access::Admission& admission) {
  HttpAnswer answer = http_error(admission.http_status, admission.error, admission.message);
  if (!admission.challenge.empty()) answer.headers.emplace_back("WWW-Authenticate", admission.challenge);
  if (admission.http_status == 405)
    answer.headers.emplace_back("Allow", admission.route == access::Route::page ? "GET, HEAD" : "GET");
  if (admission.http_status == 426) {
    answer.headers.emplace_back("Connection", "close, Upgrade");
    answer.headers.emplace_back("Upgrade", "websocket");
    answer.headers.emplace_back("Sec-WebSocket-Version", "13");
  }
  return answer;
}

}  // namespace pulsegate::ws
