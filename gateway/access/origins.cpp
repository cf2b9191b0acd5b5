#include "gateway/access/origins.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::access {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// What the text ends with is dropped from it.
bool drop_end(std::string& text, std::string_view end) {
  if (text.size() < end.size() || text.compare(text.size() - end.size(), end.size(), end) != 0) return false;
  text.resize(text.size() - end.size());
  return true;
}

// Browsers leave the scheme's own port out; operators and other clients may not.
std::string canonical_origin(std::string_view text) {
  std::string origin = lower(text);
  if (origin.compare(0, 7, "http://") == 0) drop_end(origin, ":80");
  if (origin.compare(0, 8, "https://") == 0) drop_end(origin, ":443");
  return origin;
}

// "*.example" in an entry stands for one or more labels before ".example".
bool matches(std::string_view entry, std::string_view text) {
  const std::size_t star = entry.find('*');
  if (star == std::string_view::npos) return entry == text;
  const std::string_view head = entry.substr(0, star), tail = entry.substr(star + 1);
  if (text.size() <= head.size() + tail.size() || text.substr(0, head.size()) != head ||
      text.substr(text.size() - tail.size()) != tail)
    return false;
  const std::string_view labels = text.substr(head.size(), text.size() - head.size() - tail.size());
  return labels.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos;
}

std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? host.substr(0, colon) : host;
}

// A star is the whole first label, and something follows it.
bool good_star(std::string_view host) {
  const std::size_t star = host.find('*');
  if (star == std::string_view::npos) return true;
  return star == 0 && host.size() > 2 && host[1] == '.' && host.find('*', 1) == std::string_view::npos;
}

}  // namespace

OriginList::OriginList(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) entries_.push_back(canonical_origin(entry));
}

bool OriginList::allows(std::string_view origin) const {
  if (entries_.empty() || origin.empty()) return true;
  const std::string sent = canonical_origin(origin);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&sent](const std::string& entry) { return entry == "*" || matches(entry, sent); });
}

HostList::HostList(const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) entries_.push_back(lower(entry));
}

bool HostList::allows(std::string_view host) const {
  if (entries_.empty()) return true;
  const std::string sent = lower(host);
  const std::string_view name = without_port(sent);
  return std::any_of(entries_.begin(), entries_.end(), [&](const std::string& entry) {
    return !name.empty() && (matches(entry, sent) || matches(entry, name));
  });
}

std::string check_origin(std::string_view entry) {
  if (entry == "*" || entry == "null") return {};
  const std::size_t scheme = entry.find("://");
  const std::string_view host = scheme == std::string_view::npos ? std::string_view() : entry.substr(scheme + 3);
  if (scheme == 0 || host.empty() || host.find_first_of("/ ?#@") != std::string_view::npos)
    return "must be an origin such as https://dash.example or https://*.example:8443, without a path, or *";
  if (!good_star(host)) return "may have a * only as the first label of the name, as in https://*.example";
  return {};
}

std::string check_host(std::string_view entry) {
  if (entry.empty() || entry.find_first_of("/ ?#@") != std::string_view::npos)
    return "must be a host such as dash.example, dash.example:8443 or *.example";
  if (!good_star(entry)) return "may have a * only as the first label, as in *.example";
  return {};
}

}  // namespace pulsegate::access
