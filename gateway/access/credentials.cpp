#include "gateway/access/credentials.hpp"

#include <algorithm>

#include "gateway/access/target.hpp"

namespace pulsegate::access {
namespace {

constexpr std::string_view kScheme = "bearer ";
constexpr std::string_view kSubprotocol = "bearer.";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// Scheme names have no case (RFC 7235, section 2.1).
bool begins_with_scheme(std::string_view text) {
  return text.size() >= kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
         });
}

}  // namespace

std::optional<std::string> find_token(const Request& request) {
  const std::string_view authorization = trimmed(request.authorization);
  if (begins_with_scheme(authorization)) return std::string(trimmed(authorization.substr(kScheme.size())));
  std::string_view offered = request.subprotocols;
  while (!offered.empty()) {
    const std::size_t end = std::min(offered.find(','), offered.size());
    const std::string_view name = trimmed(offered.substr(0, end));
    offered.remove_prefix(std::min(end + 1, offered.size()));
    if (name.substr(0, kSubprotocol.size()) == kSubprotocol) return std::string(name.substr(kSubprotocol.size()));
  }
  return query_parameter(split_target(request.target).query, "token");
}

}  // namespace pulsegate::access
