#include "gateway/web/page.hpp"

#include <algorithm>

namespace pulsegate::web {
namespace {

constexpr std::string_view kForEver = "public, max-age=31536000, immutable";
// Kept, but asked for each time: with its ETag that costs 304 and a few hundred bytes.
constexpr std::string_view kAskAgain = "no-cache";
constexpr std::size_t kMaxHost = 255;

// A host with or without a port (RFC 3986, section 3.2.2), as far as it can stand in a policy. Whatever else a client
// sends would be a way to write into the header.
bool is_host(std::string_view host) noexcept {
  if (host.empty() || host.size() > kMaxHost) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']';
  });
}

// Strong, so that each coding has its own (RFC 9110, section 8.8.3.3).
std::string entity_tag(const File& file, Coding coding) {
  std::string tag = "\"";
  tag.append(file.tag);
  if (coding != Coding::identity) tag.append("-").append(name(coding));
  return tag.append("\"");
}

// If-None-Match compares weakly: W/ before a tag says nothing (RFC 9110, section 13.1.2). Our tags hold no comma.
bool matches(std::string_view list, std::string_view tag) noexcept {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view each = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const std::size_t first = std::min(each.find_first_not_of(" \t"), each.size());
    each.remove_prefix(first);
    each = each.substr(0, each.find_last_not_of(" \t") + 1);
    if (each.substr(0, 2) == "W/") each.remove_prefix(2);
    if (each == "*" || each == tag) return true;
  }
  return false;
}

}  // namespace

std::string_view File::in(Coding coding) const noexcept {
  switch (coding) {
    case Coding::gzip:
      return gzip;
    case Coding::brotli:
      return brotli;
    case Coding::identity:
      break;
  }
  return plain;
}

Page::Page(std::vector<File> files) : files_(std::move(files)) {
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.path < b.path; });
}

const File* Page::find(std::string_view path) const noexcept {
  const auto found = std::lower_bound(files_.begin(), files_.end(), path,
                                      [](const File& file, std::string_view wanted) { return file.path < wanted; });
  return found != files_.end() && found->path == path ? &*found : nullptr;
}

PageAnswer answer(const File& file, const PageRequest& request) {
  Coding coding = choose_coding(request.accept_encoding);
  // What compressing made no shorter is sent as it is.
  if (file.in(coding).size() >= file.plain.size()) coding = Coding::identity;
  const std::string tag = entity_tag(file, coding);
  PageAnswer answer;
  answer.headers = {{"ETag", tag},
                    {"Cache-Control", std::string(file.immutable ? kForEver : kAskAgain)},
                    {"Vary", "Accept-Encoding"},
                    {"Content-Security-Policy", content_security_policy(request.host)},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Referrer-Policy", "no-referrer"},
                    {"Cross-Origin-Opener-Policy", "same-origin"},
                    {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (matches(request.if_none_match, tag)) {
    answer.status = 304;
    return answer;
  }
  answer.body = file.in(coding);
  answer.headers.emplace_back("Content-Type", std::string(file.type));
  answer.headers.emplace_back("Content-Length", std::to_string(answer.body.size()));
  if (coding != Coding::identity) answer.headers.emplace_back("Content-Encoding", std::string(name(coding)));
  return answer;
}

std::string content_security_policy(std::string_view host) {
  std::string policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";
  if (is_host(host)) policy.append(" ws://").append(host).append(" wss://").append(host);
  return policy += "; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace pulsegate::web
