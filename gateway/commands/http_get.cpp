// Asio with run_for() as the deadline: simpler than a signal, and it covers name look-up too.
#include "gateway/commands/http_get.hpp"

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <charconv>

#include "gateway/commands/option_values.hpp"

namespace pulsegate::commands {
namespace {

using asio::ip::tcp;

constexpr std::size_t kMaxResponse = 1024 * 1024;

std::string_view header_value(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    if (std::equal(name.begin(), name.end(), line.begin(), same)) return trim(line.substr(name.size() + 1));
  }
  return {};
}

class Call {
 public:
  Call(std::string_view method, const HttpUrl& url) : url_(url) {
    request_ = std::string(method) + " " + url.target + " HTTP/1.1\r\nHost: " + show_address(url.address) +
               "\r\nUser-Agent: pulsegate\r\nAccept: */*\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  }

  std::variant<HttpAnswer, std::string> run(Millis timeout) {
    resolver_.async_resolve(url_.address.host, std::to_string(url_.address.port),
                            [this](const asio::error_code& error, const tcp::resolver::results_type& found) {
                              if (!failed(error)) connect(found);
                            });
    io_.run_for(timeout);
    if (!io_.stopped()) return "no answer from " + show_address(url_.address) + " within " + show_duration(timeout);
    if (error_) return show_address(url_.address) + ": " + error_.message();
    if (auto answer = read_http_answer(response_)) return std::move(*answer);
    return show_address(url_.address) + " does not speak HTTP";
  }

 private:
  bool failed(const asio::error_code& error) {
    if (error) error_ = error;
    return static_cast<bool>(error);
  }

  void connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket_, found, [this](const asio::error_code& error, const tcp::endpoint&) {
      if (!failed(error)) write();
    });
  }

  void write() {
    asio::async_write(socket_, asio::buffer(request_), [this](const asio::error_code& error, std::size_t) {
      if (!failed(error)) read();
    });
  }

  void read() {
    asio::async_read(socket_, asio::dynamic_buffer(response_, kMaxResponse), asio::transfer_at_least(1),
                     [this](const asio::error_code& error, std::size_t) {
                       if (error == asio::error::eof || complete()) return;
                       // A server may reset after its answer: what came is judged, not how it ended.
                       if (error && response_.empty()) error_ = error;
                       if (!error) read();
                     });
  }

  bool complete() const {
    const std::size_t end = response_.find("\r\n\r\n");
    if (end == std::string::npos) return response_.size() >= kMaxResponse;
    const auto length = read_count(header_value(std::string_view(response_).substr(0, end), "content-length"));
    return (length && response_.size() - end - 4 >= *length) || response_.size() >= kMaxResponse;
  }

  const HttpUrl& url_;
  std::string request_, response_;
  asio::io_context io_;
  tcp::resolver resolver_{io_};
  tcp::socket socket_{io_};
  asio::error_code error_;
};

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text, std::string& error) {
  constexpr std::string_view kScheme = "http://";
  error = "the URL must be http://host:port/path, for instance http://127.0.0.1:9091/readyz";
  if (text.substr(0, kScheme.size()) != kScheme) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  std::string authority(text.substr(0, end));
  const bool has_port = authority.rfind(':') != std::string::npos && authority.back() != ']';
  auto address = read_address(has_port ? authority : authority + ":80");
  if (authority.empty() || authority.front() == ':' || !address) return std::nullopt;

  std::string target(text.substr(end, text.find('#') - end));
  if (target.empty() || target.front() != '/') target.insert(0, 1, '/');
  const auto bad = [](char c) { return c <= ' ' || c == 0x7F; };
  if (std::any_of(target.begin(), target.end(), bad)) return std::nullopt;
  error.clear();
  return HttpUrl{std::move(*address), std::move(target)};
}

std::variant<HttpAnswer, std::string> http_call(std::string_view method, const HttpUrl& url, Millis timeout) {
  return Call(method, url).run(timeout);
}

std::optional<HttpAnswer> read_http_answer(std::string_view response) {
  const std::size_t end = response.find("\r\n\r\n");
  if (end == std::string_view::npos || response.substr(0, 7) != "HTTP/1." || response.size() < 12) return std::nullopt;
  HttpAnswer answer;
  const auto status = read_count(response.substr(9, 3));
  if (!status || *status < 100 || response[8] != ' ') return std::nullopt;
  answer.status = static_cast<int>(*status);
  std::string_view body = response.substr(end + 4);
  if (const auto length = read_count(header_value(response.substr(0, end), "content-length")))
    body = body.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(*length, body.size())));
  answer.body = std::string(body);
  return answer;
}

}  // namespace pulsegate::commands
