// The decision about one HTTP request on the public port: serve it as a WebSocket, answer it over plain HTTP, or refuse
// it and how. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/access/identity.hpp"
#include "proto/close_code.hpp"
#include "proto/device_id.hpp"
#include "proto/error_code.hpp"

namespace pulsegate::access {

// What the transport knows of a request once its headers are complete. Views are valid during the decision.
struct Request {
  std::string_view method;             // "GET"
  std::string_view target;             // path and query, as sent
  std::string_view origin;             // empty: not sent
  std::string_view websocket_version;  // "13"; empty: not sent
  bool upgrade = false;                // asks for a WebSocket
  std::string_view host;               // empty: not sent; so too for the next two
  std::string_view authorization;
  std::string_view subprotocols;  // Sec-WebSocket-Protocol: names with commas between them
  std::string_view forwarded;     // the header in which proxies name the client: see ForwardedHeader
  bool has_page = false;          // the dashboard page is served
};

enum class Route : std::uint8_t {
  device,         // /api/v1/devices/{uuid}/ws
  legacy_device,  // /ws?deviceUuid={uuid}
  fleet,          // /api/v1/ws: many devices, named by commands
  snapshot,       // /api/v1/devices/{uuid}/snapshot, plain HTTP
  history,        // /api/v1/devices/{uuid}/history, plain HTTP
  page            // /, /favicon.svg, /assets/…: the files of the dashboard page, plain HTTP
};

// Whether the route is answered over plain HTTP; the others are WebSockets.
constexpr bool is_plain(Route route) noexcept {
  return route == Route::snapshot || route == Route::history || route == Route::page;
}

struct Admission {
  bool accepted = false;
  Route route = Route::device;  // also of a refusal, where the target names one
  // Accepted, unless on the fleet endpoint or for the page, or refused with a device known:
  std::optional<proto::DeviceId> device;
  std::string device_as_sent;  // accepted only: the UUID in the client's own letters, which `connected` echoes
  std::string query;           // accepted over plain HTTP only: the parameters, as sent; may hold a token
  GrantPtr grant;              // who it is, also of a refusal where the token was good; null: without authentication
  // Refused:
  int http_status = 0;                                // 400, 401, 403, 404, 405, 426, 429, 503
  proto::CloseCode close = proto::CloseCode::normal;  // for browsers, which cannot see an HTTP status
  proto::ErrorCode error = proto::ErrorCode::internal;
  std::string message;    // one sentence that says what to change
  std::string challenge;  // with 401: the value of WWW-Authenticate

  // A refusal that is told over an accepted WebSocket: `error`, then the close code, since the request carried Origin.
  bool refuse_by_close = false;
};

// Whether a refusal is told over an accepted WebSocket: the request speaks it, and carries Origin.
bool can_read_close_codes(const Request& request) noexcept;

// Route, method, version and device; tokens and origins are the Gate's. `accepting` false (draining or full) refuses
// everything that is right otherwise with 503 / 1013. Percent-encoded paths and queries are decoded.
Admission decide(const Request& request, bool accepting);

// The device that a target names, whatever the route and whether the request is accepted; for steering.
std::optional<proto::DeviceId> device_of(std::string_view target);
// Whether it is the fleet endpoint, which belongs to no shard more than to another.
bool is_fleet(std::string_view target);

}  // namespace pulsegate::access
