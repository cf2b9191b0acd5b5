// See http_client.hpp.
#include "tests/support/http_client.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace pulsegate::test {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> parse_size(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

void read_to_size(TcpSocket& socket, std::string& buffer, std::size_t size, const Deadline& end) {
  while (buffer.size() < size) {
    if (socket.read_some(buffer, end.left()) != TcpSocket::Read::data) {
      throw std::runtime_error("the HTTP answer ended early, after: " + buffer.substr(0, 500));
    }
  }
}

// Takes a chunked body off the front of `buffer`, reading on as needed.
std::string read_chunks(TcpSocket& socket, std::string& buffer, const Deadline& end) {
  std::string body;
  for (;;) {
    if (socket.read_until(buffer, "\r\n", end.left()) != TcpSocket::Read::data) {
      throw std::runtime_error("the HTTP answer ended inside its chunks");
    }
    const std::size_t line = buffer.find("\r\n");
    const auto size = parse_size(std::string_view(buffer).substr(0, line), 16);
    if (!size) throw std::runtime_error("not a chunk size: " + buffer.substr(0, line));
    read_to_size(socket, buffer, line + 2 + *size + 2, end);
    body.append(buffer, line + 2, *size);
    buffer.erase(0, line + 2 + *size + 2);
    if (*size == 0) return body;
  }
}

bool has_header(const Headers& headers, const std::string& name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& header) { return lower(header.first) == name; });
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<HttpResponse> parse_http_head(std::string_view head) {
  HttpResponse response;
  const std::size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  if (line_end == std::string_view::npos || line.size() < 12 || line.substr(0, 7) != "HTTP/1.") return std::nullopt;
  const auto status = parse_size(line.substr(9, 3), 10);
  if (!status) return std::nullopt;
  response.status = static_cast<int>(*status);
  if (line.size() > 13) response.reason = line.substr(13);

  for (head.remove_prefix(line_end + 2); !head.empty();) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos || end == 0) break;
    const std::string_view header = head.substr(0, end);
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    response.headers.emplace(lower(header.substr(0, colon)), trim(header.substr(colon + 1)));
    head.remove_prefix(end + 2);
  }
  return response;
}

HttpResponse read_http_response(TcpSocket& socket, std::string& rest, Millis deadline) {
  const Deadline end(deadline);
  if (socket.read_until(rest, "\r\n\r\n", end.left()) != TcpSocket::Read::data) {
    throw std::runtime_error("no HTTP answer; received: \"" + rest.substr(0, 500) + "\"");
  }
  const std::size_t head = rest.find("\r\n\r\n") + 4;
  auto response = parse_http_head(std::string_view(rest).substr(0, head));
  if (!response) throw std::runtime_error("not an HTTP answer: " + rest.substr(0, 500));
  rest.erase(0, head);
  if (response->status == 101 || response->status == 204 || response->status == 304) return *std::move(response);

  if (lower(response->header("transfer-encoding")) == "chunked") {
    response->body = read_chunks(socket, rest, end);
  } else if (const auto length = parse_size(response->header("content-length"), 10)) {
    read_to_size(socket, rest, *length, end);
    response->body = rest.substr(0, *length);
    rest.erase(0, *length);
  } else {
    TcpSocket::Read result = TcpSocket::Read::data;
    while (result == TcpSocket::Read::data) result = socket.read_some(rest, end.left());
    if (result == TcpSocket::Read::timeout) throw std::runtime_error("an HTTP answer without length did not end");
    response->body = std::move(rest);
    rest.clear();
  }
  return *std::move(response);
}

HttpResponse http_request(const std::string& method, const std::string& host, std::uint16_t port,
                          const std::string& target, const std::string& body, const HttpOptions& options) {
  std::string request = method + " " + target + " HTTP/1.1\r\n";
  if (!has_header(options.headers, "host")) request += "Host: " + host + ":" + std::to_string(port) + "\r\n";
  if (!has_header(options.headers, "connection")) request += "Connection: close\r\n";
  for (const auto& [name, value] : options.headers) request += name + ": " + value + "\r\n";
  if ((!body.empty() || method == "POST") && !has_header(options.headers, "content-length")) {
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request += "\r\n" + body;

  TcpSocket socket(host, port, options.tcp);
  // An early refusal may close the connection before it has taken the whole request: the answer still counts.
  socket.write(request, options.deadline);
  std::string rest;
  return read_http_response(socket, rest, options.deadline);
}

HttpResponse http_get(std::uint16_t port, const std::string& target, const HttpOptions& options) {
  return http_request("GET", "127.0.0.1", port, target, {}, options);
}

HttpResponse http_post(std::uint16_t port, const std::string& target, const std::string& body,
                       const HttpOptions& options) {
  return http_request("POST", "127.0.0.1", port, target, body, options);
}

}  // namespace pulsegate::test
