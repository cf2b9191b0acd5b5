// `pulsegate health`: a probe for containers that have no curl.
#include <cstdio>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/http_get.hpp"
#include "gateway/commands/printable.hpp"

namespace pulsegate::commands {

int run_health(const std::string& url, Millis timeout) {
  std::string error;
  const auto parsed = parse_http_url(url, error);
  if (!parsed) {
    std::fprintf(stderr, "pulsegate health: %s\n", error.c_str());
    return kExitConfiguration;
  }
  const auto result = http_get(*parsed, timeout);
  const auto* answer = std::get_if<HttpAnswer>(&result);
  if (answer == nullptr) {
    std::printf("%s\n", std::get<std::string>(result).c_str());
    return kExitFailure;
  }
  std::printf("%d %s\n", answer->status, printable(answer->body).c_str());
  return answer->status == 200 ? kExitClean : kExitFailure;
}

}  // namespace pulsegate::commands
