// `pulsegate drain`: asks a running gateway to send its clients away; for preStop hooks. The gateway itself goes on
// running.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/http_get.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/commands/printable.hpp"

namespace pulsegate::commands {
namespace {

constexpr Millis kCallTimeout{3'000};
constexpr Millis kPollInterval{250};

int fail(const std::string& sentence) {
  std::fprintf(stderr, "pulsegate drain: %s\n", sentence.c_str());
  return kExitFailure;
}

// The number in {"clients":N}.
std::optional<std::uint64_t> read_clients(std::string_view body) {
  constexpr std::string_view kKey = "\"clients\":";
  const std::size_t at = body.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const char* const begin = body.data() + at + kKey.size();
  std::uint64_t number = 0;
  if (std::from_chars(begin, body.data() + body.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

int wait_until_empty(const HttpUrl& url, Millis limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto result = http_get(url, kCallTimeout);
    const auto* answer = std::get_if<HttpAnswer>(&result);
    if (answer == nullptr) return fail(std::get<std::string>(result));
    const auto clients = read_clients(answer->body);
    if (answer->status != 200 || !clients) return fail("unexpected answer: " + printable(answer->body));
    if (*clients == 0) {
      std::printf("drained\n");
      return kExitClean;
    }
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(std::to_string(*clients) + " clients are left after " + show_duration(limit));
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int run_drain(const DrainOptions& options) {
  HttpUrl url{options.admin, "/drain"};
  // The address may be given as the gateway listens; nobody can connect to "everywhere".
  if (url.address.host == "0.0.0.0") url.address.host = "127.0.0.1";
  if (url.address.host == "::") url.address.host = "::1";
  const auto result = http_call("POST", url, kCallTimeout);
  const auto* answer = std::get_if<HttpAnswer>(&result);
  if (answer == nullptr) return fail(std::get<std::string>(result));
  if (answer->status != 202) return fail(std::to_string(answer->status) + " " + printable(answer->body));
  std::printf("draining\n");
  if (!options.wait) return kExitClean;
  url.target = "/api/v1/clients";
  return wait_until_empty(url, *options.wait);
}

}  // namespace pulsegate::commands
