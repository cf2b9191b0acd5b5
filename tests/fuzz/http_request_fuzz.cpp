// Requests on the health and admin ports, in chunks whose size the first byte gives. However they are cut, the requests
// are the same.
#include <algorithm>
#include <string>
#include <vector>

#include "gateway/ops/http_request.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr ops::HttpLimits kLimits{256, 256};  // small, so that inputs exceed them
constexpr std::size_t kMostRequests = 64;

struct Outcome {
  std::vector<std::string> requests;
  int refused = 0;  // status
};

std::string describe(const ops::HttpRequest& request) {
  must_hold(!request.method.empty(), "a request has a method");
  must_hold(!request.path.empty() && request.path.front() == '/', "a path begins with a slash");
  must_hold(request.body.size() <= kLimits.max_body, "a body is bounded");
  std::string text = request.method + ' ' + request.path + '?' + request.query + (request.keep_alive ? " k" : " c");
  std::size_t head = 0;
  for (const auto& [name, value] : request.headers) {
    must_hold(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
              "names of headers are in lower case");
    must_hold(value.find_first_of("\r\n") == std::string::npos, "a value is one line");
    head += name.size() + value.size();
    text += '\n' + name + ':' + value;
  }
  must_hold(head <= kLimits.max_head, "a head is bounded");
  return text + "\n\n" + request.body;
}

Outcome read(std::string_view bytes, std::size_t chunk) {
  ops::HttpRequestParser parser(kLimits);
  Outcome outcome;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, chunk);
    bytes.remove_prefix(piece.size());
    parser.append(piece);
    for (;;) {
      ops::HttpRequest request;
      const auto result = parser.next(request);
      (void)parser.take_expects_continue();
      if (result == ops::HttpRequestParser::Result::incomplete) break;
      if (result == ops::HttpRequestParser::Result::refused) {
        outcome.refused = parser.refusal().status;
        must_hold(outcome.refused >= 400 && outcome.refused < 600 && !parser.refusal().reason.empty(),
                  "a refusal has a status and a reason");
        return outcome;
      }
      outcome.requests.push_back(describe(request));
      if (outcome.requests.size() == kMostRequests) return outcome;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t chunk = std::size_t{input.byte()} + 1;
  const std::string_view bytes = input.rest();
  const Outcome whole = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  const Outcome pieces = read(bytes, chunk);
  must_hold(whole.requests == pieces.requests, "however bytes are cut, requests are the same");
  // What is too long for a head is found so in pieces before its end, and as a whole by what it says.
  must_hold((whole.refused != 0) == (pieces.refused != 0), "however bytes are cut, what is refused is refused");
  return 0;
}
