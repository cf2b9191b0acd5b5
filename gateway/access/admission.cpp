// The decision table for requests on the public port. What is permanently wrong is said before what passes (draining).
#include "gateway/access/admission.hpp"

#include <utility>

#include "gateway/access/target.hpp"

namespace pulsegate::access {
namespace {

constexpr std::string_view kDevicePrefix = "/api/v1/devices/";
constexpr std::string_view kLegacyPath = "/ws";
constexpr std::string_view kFleetPath = "/api/v1/ws";
constexpr std::string_view kAssets = "/assets/";

// What may follow a device in the path.
constexpr std::pair<std::string_view, Route> kDeviceRoutes[] = {
    {"ws", Route::device}, {"snapshot", Route::snapshot}, {"history", Route::history}};

struct Endpoint {
  Route route;
  std::optional<std::string> device;  // decoded; nullopt: missing or not decodable
  std::string_view query;
};

// Which files the page has is known to whoever serves it.
bool is_page(std::string_view path) {
  return path == "/" || path == "/favicon.svg" || path.substr(0, kAssets.size()) == kAssets;
}

// Which endpoint the target names. The path is cut into segments before it is decoded: %2F is no separator.
std::optional<Endpoint> find_endpoint(std::string_view raw_target) {
  Target target = split_target(raw_target);
  if (is_page(target.path)) return Endpoint{Route::page, std::nullopt, {}};
  if (target.path.size() > 1 && target.path.back() == '/') target.path.remove_suffix(1);
  if (target.path == kFleetPath) return Endpoint{Route::fleet, std::nullopt, target.query};
  if (target.path == kLegacyPath)
    return Endpoint{Route::legacy_device, query_parameter(target.query, "deviceUuid"), target.query};
  if (target.path.substr(0, kDevicePrefix.size()) != kDevicePrefix) return std::nullopt;
  const std::string_view rest = target.path.substr(kDevicePrefix.size());
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  for (const auto& [name, route] : kDeviceRoutes)
    if (rest.substr(slash + 1) == name) return Endpoint{route, percent_decode(rest.substr(0, slash)), target.query};
  return std::nullopt;
}

// How a request that names no device should have looked.
std::string name_the_device(Route route) {
  static constexpr std::string_view kExample = "0f8fad5b-d9cb-469f-a165-70867728950e";
  std::string message = "Name the device by its UUID, as in ";
  if (route == Route::legacy_device) return message.append("/ws?deviceUuid=").append(kExample).append(".");
  message.append(kDevicePrefix).append(kExample).append("/");
  for (const auto& [name, each] : kDeviceRoutes)
    if (each == route) message.append(name);
  return message.append(".");
}

Admission refuse(Admission admission, int status, proto::CloseCode close, proto::ErrorCode error, std::string message) {
  admission.accepted = false;
  admission.http_status = status;
  admission.close = close;
  admission.error = error;
  admission.message = std::move(message);
  return admission;
}

}  // namespace

// A browser cannot see an HTTP status, so what can speak WebSocket and looks like a browser is told by a close code.
bool can_read_close_codes(const Request& request) noexcept {
  return request.upgrade && request.method == "GET" && request.websocket_version == "13" && !request.origin.empty();
}

Admission decide(const Request& request, bool accepting) {
  using proto::CloseCode;
  using proto::ErrorCode;

  Admission admission;
  admission.refuse_by_close = can_read_close_codes(request);

  const std::optional<Endpoint> endpoint = find_endpoint(request.target);
  const bool page = endpoint && endpoint->route == Route::page;
  // Nobody looks for a page with a WebSocket: that is a wrong address, page or not.
  if (!endpoint || (page && (request.upgrade || !request.has_page))) {
    std::string message = page && !request.upgrade ? "This gateway serves no dashboard page" : "There is nothing here";
    message +=
        "; connect to /api/v1/devices/{uuid}/ws, /ws?deviceUuid={uuid} or /api/v1/ws, or get "
        "/api/v1/devices/{uuid}/snapshot or /history.";
    return refuse(std::move(admission), 404, CloseCode::not_found, ErrorCode::not_found, std::move(message));
  }
  admission.route = endpoint->route;

  const bool plain = is_plain(endpoint->route);
  if (request.method != "GET" && !(page && request.method == "HEAD")) {
    return refuse(
        std::move(admission), 405, CloseCode::bad_request, ErrorCode::bad_request,
        plain ? "Use GET: this endpoint is only read." : "Use GET: a WebSocket handshake has no other method.");
  }
  if (plain && request.upgrade) {
    return refuse(std::move(admission), 400, CloseCode::bad_request, ErrorCode::bad_request,
                  "This endpoint answers plain HTTP requests; connect a WebSocket to /api/v1/devices/{uuid}/ws.");
  }
  if (!plain && !request.upgrade) {
    return refuse(std::move(admission), 426, CloseCode::bad_request, ErrorCode::upgrade_required,
                  "Connect with a WebSocket client: this endpoint does not answer plain HTTP requests.");
  }
  if (!plain && request.websocket_version != "13") {
    return refuse(std::move(admission), 426, CloseCode::bad_request, ErrorCode::upgrade_required,
                  "Use version 13 of the WebSocket protocol (RFC 6455).");
  }
  if (endpoint->device) admission.device = proto::DeviceId::parse(*endpoint->device);
  if (!admission.device && admission.route != Route::fleet && !page) {
    return refuse(std::move(admission), 400, CloseCode::bad_request, ErrorCode::invalid_device,
                  name_the_device(endpoint->route));
  }
  if (!accepting) {
    return refuse(std::move(admission), 503, CloseCode::try_again_later, ErrorCode::unavailable,
                  plain ? "This gateway takes no requests at the moment; try again later."
                        : "This gateway takes no new connections at the moment; try again later.");
  }
  admission.accepted = true;
  if (endpoint->device) admission.device_as_sent = *endpoint->device;
  if (plain) admission.query = endpoint->query;
  admission.refuse_by_close = false;
  return admission;
}

std::optional<proto::DeviceId> device_of(std::string_view target) {
  const std::optional<Endpoint> endpoint = find_endpoint(target);
  return endpoint && endpoint->device ? proto::DeviceId::parse(*endpoint->device) : std::nullopt;
}

bool is_fleet(std::string_view target) {
  const std::optional<Endpoint> endpoint = find_endpoint(target);
  return endpoint && endpoint->route == Route::fleet;
}

}  // namespace pulsegate::access
