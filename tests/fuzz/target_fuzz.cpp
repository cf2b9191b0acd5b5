// The target of a request line on the public port, and the decision about it; and the URLs of an operator.
#include <string>

#include "bus/redis_url.hpp"
#include "gateway/access/admission.hpp"
#include "gateway/access/target.hpp"
#include "gateway/ws/compression_offer.hpp"
#include "proto/close_code.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

void check_target(std::string_view text) {
  const access::Target target = access::split_target(text);
  must_hold(target.path.size() + target.query.size() <= text.size(), "a target's parts are no longer than itself");
  must_hold(target.path.find_first_of("?#") == std::string_view::npos, "a path ends at the query or the fragment");
  must_hold(target.query.find('#') == std::string_view::npos, "a query ends at the fragment");
  if (const auto decoded = access::percent_decode(text)) {
    must_hold(decoded->size() <= text.size(), "decoding makes nothing longer");
    std::string encoded;
    constexpr char kHex[] = "0123456789ABCDEF";
    for (const char c : *decoded) {
      const auto byte = static_cast<unsigned char>(c);
      encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
    must_hold(access::percent_decode(encoded) == decoded, "percent-encoding reads back");
  }
  (void)access::query_parameter(target.query, "deviceUuid");
}

void check_decision(std::string_view target, bool upgrade, bool origin, bool accepting) {
  access::Request request;
  request.method = "GET";
  request.target = target;
  request.origin = origin ? "https://dashboard.example" : "";
  request.websocket_version = upgrade ? "13" : "";
  request.upgrade = upgrade;
  request.has_page = true;
  const access::Admission admission = access::decide(request, accepting);
  if (admission.accepted) {
    const bool fleet = admission.route == access::Route::fleet;
    must_hold(fleet == access::is_fleet(target), "the fleet endpoint is known by its target");
    const bool page = admission.route == access::Route::page;
    must_hold(admission.device.has_value() != (fleet || page),
              "what is accepted has a device, or names them later, or is the page");
    must_hold(accepting, "nothing is accepted while nothing is");
    must_hold(access::is_plain(admission.route) != upgrade, "a route is served in its own way only");
    must_hold(access::device_of(target) == admission.device, "a socket is steered to its device");
    must_hold(proto::DeviceId::parse(admission.device_as_sent) == admission.device, "the device is echoed as it came");
    return;
  }
  const int status = admission.http_status;
  must_hold(status == 400 || status == 404 || status == 405 || status == 426 || status == 503,
            "a refusal has a status");
  must_hold(!admission.message.empty() && admission.message.size() <= 1024, "a refusal says why, within bounds");
  must_hold(!admission.refuse_by_close || (upgrade && origin), "only a browser is refused by a close code");
}

void check_redis_url(std::string_view text) {
  std::string error;
  const auto url = bus::parse_redis_url(text, error);
  must_hold(url.has_value() == error.empty(), "a URL is taken, or it is said why not");
  if (!url) return;
  // Canonical: what is logged reads as the same place, with another password.
  std::string again_error;
  const auto again = bus::parse_redis_url(url->redacted(), again_error);
  must_hold(again.has_value(), "what is logged of a URL is one");
  must_hold(again->host == url->host && again->port == url->port && again->path == url->path && again->db == url->db &&
                again->user == url->user,
            "what is logged of a URL names the same place");
  bus::RedisUrl other = *url;
  if (!other.password.empty()) other.password = "another";
  must_hold(other.redacted() == url->redacted(), "a password is not logged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_target(text);
  for (const bool upgrade : {false, true})
    for (const bool origin : {false, true})
      for (const bool accepting : {false, true}) check_decision(text, upgrade, origin, accepting);
  check_redis_url(text);
  if (const auto answer = ws::answer_compression_offer(text))
    must_hold(ws::answer_compression_offer(*answer).has_value(), "what we agree to is an offer that we accept");
  return 0;
}
