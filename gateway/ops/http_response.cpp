// Every answer carries its length, so that no client has to wait for the end of the connection.
#include "gateway/ops/http_response.hpp"

#include <array>
#include <utility>

#include "proto/message.hpp"

namespace pulsegate::ops {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 16> kPhrases = {{
    {200, "OK"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

// Not strftime: its names of days and months follow the locale.
std::string http_date(std::time_t now) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return std::string(kDays[utc.tm_wday]) + ", " + two(utc.tm_mday) + " " + kMonths[utc.tm_mon] + " " +
         std::to_string(utc.tm_year + 1900) + " " + two(utc.tm_hour) + ":" + two(utc.tm_min) + ":" + two(utc.tm_sec) +
         " GMT";
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  for (const auto& [code, phrase] : kPhrases)
    if (code == status) return phrase;
  return "Unknown";
}

HttpResponse http_error(int status, std::string_view message, std::string_view allow) {
  std::string code(reason_phrase(status));
  for (char& c : code) c = c == ' ' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  HttpResponse response;
  response.status = status;
  response.allow = std::string(allow);
  response.body = "{\"error\":{\"code\":\"" + code + "\",\"message\":";
  proto::append_json_string(response.body, message);
  response.body += "}}\n";
  return response;
}

void append_response(std::string& out, const HttpResponse& response, bool keep_alive, bool head_only, std::time_t now) {
  out += "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_phrase(response.status);
  out += "\r\nDate: " + http_date(now);
  out += "\r\nContent-Type: " + response.content_type;
  out += "\r\nContent-Length: " + std::to_string(response.body.size());
  out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff";
  if (!response.allow.empty()) out += "\r\nAllow: " + response.allow;
  out += keep_alive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n";
  if (!head_only) out += response.body;
}

}  // namespace pulsegate::ops
