// HTTP/1.1 requests as the health and admin ports read them: strict, bounded, no I/O. Refuses whatever two readers
// could understand differently (two lengths, chunked bodies, folded headers), rather than guessing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pulsegate::ops {

struct HttpLimits {
  std::size_t max_head = 8 * 1024;    // bytes of request line and headers
  std::size_t max_body = 256 * 1024;  // bytes
};

struct HttpRequest {
  std::string method;                                        // "GET"
  std::string path;                                          // "/healthz", as sent: not decoded
  std::string query;                                         // after '?', as sent; empty: none
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in the order of the request
  std::string body;
  bool keep_alive = true;  // the client accepts another answer on this connection

  // The first header of that lower-case name; empty when there is none.
  std::string_view header(std::string_view name) const noexcept;
};

// Thread: one. Owner: the connection. After `refused` only destruction is allowed.
// Invariant: holds at most max_head + max_body bytes beyond what one append() brought.
class HttpRequestParser {
 public:
  enum class Result { incomplete, complete, refused };

  explicit HttpRequestParser(HttpLimits limits = {}) : limits_(limits) {}

  void append(std::string_view bytes) { buffer_.append(bytes); }

  // Takes the next request out of what was appended. `refused`: refusal() says why and the connection must end.
  Result next(HttpRequest& request);

  struct Refusal {
    int status = 400;
    std::string_view reason;  // one sentence
  };
  const Refusal& refusal() const noexcept { return refusal_; }

  // The head is complete, the body is not, and the client waits for `100 Continue`. True once per request.
  bool take_expects_continue() noexcept { return std::exchange(expects_continue_, false); }

  // Whether a request has begun: then silence is a slow client, not an idle connection.
  bool started() const noexcept { return !buffer_.empty(); }

 private:
  Result refuse(int status, std::string_view reason);
  Result parse_head(std::string_view head);
  Result parse_request_line(std::string_view line);
  Result parse_header(std::string_view line);
  Result check_headers();

  HttpLimits limits_;
  std::string buffer_;
  HttpRequest request_;  // the one whose head is known
  bool has_head_ = false;
  bool version_1_1_ = true;
  bool expects_continue_ = false;
  std::size_t body_size_ = 0;
  Refusal refusal_;
};

}  // namespace pulsegate::ops
