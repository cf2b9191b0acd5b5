// Allow-lists of origins (against pages of others that open WebSockets with their visitors' rights) and of hosts
// (against names of others that resolve to us, DNS rebinding). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::access {

// Thread: immutable after construction.
class OriginList {
 public:
  OriginList() = default;
  // Entries for which check_origin() finds nothing wrong.
  explicit OriginList(const std::vector<std::string>& entries);
  // An empty list allows all. So does an empty `origin`: only browsers send one, and they always do.
  bool allows(std::string_view origin) const;

 private:
  std::vector<std::string> entries_;  // lower case, without the port that goes without saying
};

// Thread: immutable after construction.
class HostList {
 public:
  HostList() = default;
  explicit HostList(const std::vector<std::string>& entries);
  // `host`: the header, "name", "name:port" or "[v6]:port". An empty list allows all, else an empty host is refused.
  bool allows(std::string_view host) const;

 private:
  std::vector<std::string> entries_;  // lower case
};

// What is wrong with an entry of the operator's, as a sentence without subject; empty: nothing.
// "https://dash.example", "https://dash.example:8443", "https://*.example" (any depth, not example itself), "null",
// "*".
std::string check_origin(std::string_view entry);
// "dash.example" (any port), "dash.example:8443", "*.example", "[::1]".
std::string check_host(std::string_view entry);

}  // namespace pulsegate::access
