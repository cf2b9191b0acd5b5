// The decision table for requests on the public port. What is permanently wrong is said before what passes (draining).
#include "gateway/access/admission.hpp"

#include <utility>

#include "gateway/access/target.hpp"

namespace pulsegate::access {
namespace {

constexpr std::string_view kDevicePrefix = "/api/v1/devices/";
constexpr std::string_view kDeviceSuffix = "/ws";
constexpr std::string_view kLegacyPath = "/ws";

struct Endpoint {
  Route route;
  std::optional<std::string> device;  // decoded; nullopt: missing or not decodable
};

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) noexcept {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// Which WebSocket endpoint the target names. The path is cut into segments before it is decoded: %2F is no separator.
std::optional<Endpoint> find_endpoint(std::string_view raw_target) {
  Target target = split_target(raw_target);
  if (target.path.size() > 1 && target.path.back() == '/') target.path.remove_suffix(1);
  if (target.path == kLegacyPath) return Endpoint{Route::legacy_device, query_parameter(target.query, "deviceUuid")};
  if (!starts_with(target.path, kDevicePrefix) || !ends_with(target.path, kDeviceSuffix)) return std::nullopt;
  if (target.path.size() <= kDevicePrefix.size() + kDeviceSuffix.size()) return std::nullopt;
  const std::string_view segment =
      target.path.substr(kDevicePrefix.size(), target.path.size() - kDevicePrefix.size() - kDeviceSuffix.size());
  if (segment.find('/') != std::string_view::npos) return std::nullopt;
  return Endpoint{Route::device, percent_decode(segment)};
}

Admission refuse(Admission admission, int status, proto::CloseCode close, proto::ErrorCode error, const char* message) {
  admission.accepted = false;
  admission.http_status = status;
  admission.close = close;
  admission.error = error;
  admission.message = message;
  return admission;
}

}  // namespace

Admission decide(const Request& request, bool accepting) {
  using proto::CloseCode;
  using proto::ErrorCode;

  Admission admission;
  // A browser cannot see an HTTP status, so what can speak WebSocket and looks like a browser is told by a close code.
  admission.refuse_by_close =
      request.upgrade && request.method == "GET" && request.websocket_version == "13" && !request.origin.empty();

  const std::optional<Endpoint> endpoint = find_endpoint(request.target);
  if (!endpoint) {
    return refuse(std::move(admission), 404, CloseCode::not_found, ErrorCode::not_found,
                  "There is nothing here; connect to /api/v1/devices/{uuid}/ws or /ws?deviceUuid={uuid}.");
  }
  admission.route = endpoint->route;

  if (request.method != "GET") {
    return refuse(std::move(admission), 405, CloseCode::bad_request, ErrorCode::bad_request,
                  "Use GET: a WebSocket handshake has no other method.");
  }
  if (!request.upgrade) {
    return refuse(std::move(admission), 426, CloseCode::bad_request, ErrorCode::upgrade_required,
                  "Connect with a WebSocket client: this endpoint does not answer plain HTTP requests.");
  }
  if (request.websocket_version != "13") {
    return refuse(std::move(admission), 426, CloseCode::bad_request, ErrorCode::upgrade_required,
                  "Use version 13 of the WebSocket protocol (RFC 6455).");
  }
  if (endpoint->device) admission.device = proto::DeviceId::parse(*endpoint->device);
  if (!admission.device) {
    return refuse(std::move(admission), 400, CloseCode::bad_request, ErrorCode::invalid_device,
                  endpoint->route == Route::device
                      ? "Name the device by its UUID, as in /api/v1/devices/0f8fad5b-d9cb-469f-a165-70867728950e/ws."
                      : "Name the device by its UUID, as in /ws?deviceUuid=0f8fad5b-d9cb-469f-a165-70867728950e.");
  }
  if (!accepting) {
    return refuse(std::move(admission), 503, CloseCode::try_again_later, ErrorCode::unavailable,
                  "This gateway takes no new connections at the moment; try again later.");
  }
  admission.accepted = true;
  admission.device_as_sent = *endpoint->device;
  admission.refuse_by_close = false;
  return admission;
}

}  // namespace pulsegate::access
