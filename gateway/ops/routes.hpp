// What the health and the admin port answer, as a function of the request and of what Control says. No sockets here.
#pragma once

#include "gateway/ops/control.hpp"
#include "gateway/ops/http_port.hpp"

namespace pulsegate::ops {

// GET /healthz, /readyz, /metrics. `control` must outlive the handler.
HttpHandler health_routes(Control& control);

// The same, and GET /api/v1/clients, GET /api/v1/devices/{uuid}/clients, POST /api/v1/devices/{uuid}/broadcast, POST
// /drain, GET /debug/devices/{uuid}, /debug/sessions, /debug/sessions/{id}, GET and PUT /debug/log-level. A POST or PUT
// with an Origin header is refused: a web page that an operator looks at must not reach a loopback port.
HttpHandler admin_routes(Control& control);

}  // namespace pulsegate::ops
