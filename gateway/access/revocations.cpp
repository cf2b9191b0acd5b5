#include "gateway/access/revocations.hpp"

#include <algorithm>

namespace pulsegate::access {
namespace {

constexpr std::size_t kMaxLine = 4 + 256;  // a prefix, and as long as a subject may be

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

std::optional<Revocations> Revocations::parse(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  Revocations result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.size() > kMaxLine || result.entries_.size() >= kMaxEntries) return std::nullopt;
    result.entries_.emplace(line);
  }
  return result;
}

bool Revocations::contains(const Identity& identity) const {
  if (entries_.empty()) return false;
  const auto listed = [this](const char* prefix, const std::string& name) {
    return !name.empty() && (entries_.count(name) != 0 || entries_.count(prefix + name) != 0);
  };
  return listed("jti:", identity.token_id) || listed("sub:", identity.subject);
}

}  // namespace pulsegate::access
