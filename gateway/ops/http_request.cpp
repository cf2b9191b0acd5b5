// RFC 9112, without the parts that a port for probes and operators does not need.
#include "gateway/ops/http_request.hpp"

#include <algorithm>
#include <charconv>

namespace pulsegate::ops {
namespace {

constexpr std::string_view kTokenSigns = "!#$%&'*+-.^_`|~";

bool token_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kTokenSigns.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), token_char);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a comma-separated list such as Connection's holds a word.
bool lists(std::string_view value, std::string_view word) {
  const std::string text = lower(value);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (trim_blanks(rest.substr(0, comma)) == word) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

HttpRequestParser::Result HttpRequestParser::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  return Result::refused;
}

HttpRequestParser::Result HttpRequestParser::next(HttpRequest& request) {
  if (!has_head_) {
    // Empty lines before a request are allowed (RFC 9112, section 2.2) and belong to no request.
    while (buffer_.compare(0, 2, "\r\n") == 0) buffer_.erase(0, 2);
    const std::size_t end = buffer_.find("\r\n\r\n");
    const std::size_t head_size = end == std::string::npos ? buffer_.size() : end + 4;
    if (head_size > limits_.max_head) return refuse(431, "The request line and headers are too long.");
    if (end == std::string::npos) {
      // A line that ends in a bare LF would otherwise wait for the deadline.
      for (std::size_t lf = buffer_.find('\n'); lf != std::string::npos; lf = buffer_.find('\n', lf + 1))
        if (lf == 0 || buffer_[lf - 1] != '\r') return refuse(400, "A line must end in CR LF.");
      return Result::incomplete;
    }
    request_ = HttpRequest{};
    body_size_ = 0;
    const Result result = parse_head(std::string_view(buffer_).substr(0, end + 2));
    if (result == Result::refused) return result;
    buffer_.erase(0, end + 4);
    has_head_ = true;
  }
  if (buffer_.size() < body_size_) return Result::incomplete;
  expects_continue_ = false;
  request_.body = buffer_.substr(0, body_size_);
  buffer_.erase(0, body_size_);
  has_head_ = false;
  request = std::move(request_);
  return Result::complete;
}

// `head`: every line with its CR LF, without the empty one.
HttpRequestParser::Result HttpRequestParser::parse_head(std::string_view head) {
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    const auto forbidden = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7F; };
    if (std::any_of(line.begin(), line.end(), forbidden)) return refuse(400, "The head holds a control character.");
    const Result result = first ? parse_request_line(line) : parse_header(line);
    if (result == Result::refused) return result;
    first = false;
  }
  return check_headers();
}

HttpRequestParser::Result HttpRequestParser::parse_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last)
    return refuse(400, "The request line must be: method, target, version.");
  const std::string_view version = line.substr(last + 1);
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/") return refuse(400, "The version must be HTTP/1.1.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "The version must be HTTP/1.1.");
  version_1_1_ = version == "HTTP/1.1";

  const std::string_view method = line.substr(0, first);
  if (!is_token(method)) return refuse(400, "The method is not a token.");
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.substr(0, 7) == "http://") {  // the absolute form, as sent to proxies, must be accepted too
    target.remove_prefix(7);
    target.remove_prefix(std::min(target.find('/'), target.size()));
    if (target.empty()) target = "/";
  }
  if (target.empty() || target.front() != '/') return refuse(400, "The target must be a path.");
  target = target.substr(0, target.find('#'));
  const std::size_t question = std::min(target.find('?'), target.size());
  request_.method = std::string(method);
  request_.path = std::string(target.substr(0, question));
  if (question < target.size()) request_.query = std::string(target.substr(question + 1));
  return Result::complete;
}

HttpRequestParser::Result HttpRequestParser::parse_header(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "A header must not be folded.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse(400, "A header must be: name, colon, value.");
  request_.headers.emplace_back(lower(line.substr(0, colon)), std::string(trim_blanks(line.substr(colon + 1))));
  return Result::complete;
}

HttpRequestParser::Result HttpRequestParser::check_headers() {
  const auto count = [&](std::string_view name) {
    return std::count_if(request_.headers.begin(), request_.headers.end(),
                         [name](const auto& header) { return header.first == name; });
  };
  if (count("host") > 1 || (version_1_1_ && count("host") == 0)) return refuse(400, "One Host header is needed.");
  if (count("transfer-encoding") > 0) return refuse(501, "A body must be sent with Content-Length.");
  if (count("content-length") > 1) return refuse(400, "Content-Length must be sent once.");
  if (count("content-length") == 1) {
    const std::string_view text = request_.header("content-length");
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, body_size_);
    const bool too_large = parsed.ec == std::errc::result_out_of_range;
    if (!too_large && (parsed.ec != std::errc() || parsed.ptr != end))
      return refuse(400, "Content-Length must be a number.");
    if (too_large || body_size_ > limits_.max_body) return refuse(413, "The body is too large.");
  }
  const std::string_view connection = request_.header("connection");
  request_.keep_alive = version_1_1_ ? !lists(connection, "close") : lists(connection, "keep-alive");
  if (!request_.header("expect").empty()) {
    if (lower(request_.header("expect")) != "100-continue") return refuse(417, "Only 100-continue can be expected.");
    expects_continue_ = body_size_ > 0;
  }
  return Result::complete;
}

}  // namespace pulsegate::ops
