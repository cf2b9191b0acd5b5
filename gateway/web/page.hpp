// The dashboard page as the gateway serves it: a table of files that were made when it was built, and the answer to a
// request for one of them. No file system, so no path leads out of the table. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/web/accept_encoding.hpp"

namespace pulsegate::web {

// Bytes and text live as long as the process.
struct File {
  std::string_view path;   // "/", "/assets/page-5f1c….js": as it stands in a request line, without a query
  std::string_view type;   // the value of Content-Type
  std::string_view tag;    // of its content, letters and digits: the middle of its ETag
  bool immutable = false;  // its name changes with its content, so it may be kept for ever
  // The file in each Coding; never empty but where the file is.
  std::string_view plain;
  std::string_view gzip;
  std::string_view brotli;

  std::string_view in(Coding coding) const noexcept;
};

// Thread: immutable, any.
class Page {
 public:
  explicit Page(std::vector<File> files);

  // Null: there is none. `path` is compared as it is, neither decoded nor shortened.
  const File* find(std::string_view path) const noexcept;
  const std::vector<File>& files() const noexcept { return files_; }

 private:
  std::vector<File> files_;  // by path
};

// What of a request decides about its answer; views are valid during the call.
struct PageRequest {
  std::string_view host;             // the header Host; empty: not sent, and so on
  std::string_view accept_encoding;  // Accept-Encoding
  std::string_view if_none_match;    // If-None-Match
};

struct PageAnswer {
  int status = 200;                                          // or 304
  std::vector<std::pair<std::string, std::string>> headers;  // all but Connection
  std::string_view body;                                     // of the file, shared; empty with 304
};

// To GET. HEAD gets the same without the body, but with its length.
PageAnswer answer(const File& file, const PageRequest& request);

// What a page may do (Content-Security-Policy): load and connect to where it comes from, and nothing else. `host` names
// that place to browsers whose 'self' does not hold for WebSockets; what could not be a host is left out.
std::string content_security_policy(std::string_view host);

}  // namespace pulsegate::web
