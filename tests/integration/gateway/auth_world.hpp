// A gateway that asks for tokens, and an issuer that shares a secret with it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stack.hpp"
#include "tests/support/jwt.hpp"
#include "tests/support/temp_dir.hpp"

namespace pulsegate::test {

inline const std::string kAuthSecret = "the secret of these tests, 32 bytes and more";

inline long long in_seconds(long long seconds) {
  return now_ms() / 1000 + seconds;
}
inline std::string claims(const std::string& subject, long long expires, const std::string& more = {}) {
  return R"({"sub":")" + subject + R"(","exp":)" + std::to_string(expires) + more + "}";
}
inline WsOptions bearer(const std::string& token) {
  WsOptions options;
  options.headers.emplace_back("Authorization", "Bearer " + token);
  return options;
}
inline std::string device_target(const std::string& device) {
  return "/api/v1/devices/" + device + "/ws";
}

// No leeway: a token ends when it says so.
struct AuthWorld {
  explicit AuthWorld(std::vector<std::string> more = {}) : stack(arguments(std::move(more))) {}

  std::uint16_t port() const { return const_cast<Stack&>(stack).gateway().port(); }
  // Alice's, good for so many seconds.
  std::string token(long long seconds = 60, const std::string& more = {}) const {
    return hmac_token(kAuthSecret, claims("alice", in_seconds(seconds), more));
  }
  double failures(const std::string& reason) {
    return stack.gateway().metric("pulsegate_auth_failures_total{reason=\"" + reason + "\"}").value_or(-1);
  }

  TempDir files;
  Stack stack;

 private:
  std::vector<std::string> arguments(std::vector<std::string> more) {
    more.insert(more.end(), {"--jwt-key", files.write("secret", kAuthSecret), "--jwt-leeway", "0"});
    return more;
  }
};

}  // namespace pulsegate::test
