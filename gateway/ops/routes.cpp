// A table of paths; every answer is JSON but the metrics.
#include "gateway/ops/routes.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/log.hpp"
#include "gateway/ops/debug.hpp"
#include "gateway/ops/metrics.hpp"
#include "proto/bus_event.hpp"
#include "proto/limits.hpp"
#include "proto/message.hpp"

namespace pulsegate::ops {
namespace {

HttpResponse json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body) + "\n";
  return response;
}

HttpResponse clients(const std::optional<proto::DeviceId>& device, std::size_t count) {
  std::string body = "{";
  if (device) body += "\"deviceUuid\":\"" + device->text() + "\",";
  return json(200, body + "\"clients\":" + std::to_string(count) + "}");
}

HttpResponse not_found() {
  return http_error(404, "There is nothing at this path.");
}

// A browser lets any page POST to a loopback address, and always says so in Origin.
bool from_web_page(const HttpRequest& request) {
  return !request.header("origin").empty();
}

class Routes {
 public:
  Routes(Control& control, bool admin) : control_(control), admin_(admin) {}

  void handle(const HttpRequest& request, Respond respond) const {
    const std::string_view path = request.path;
    if (path == "/healthz") return get(request, respond, [&] { respond(json(200, "{\"status\":\"ok\"}")); });
    if (path == "/readyz") return get(request, respond, [&] { readyz(respond); });
    if (path == "/metrics") return get(request, respond, [&] { metrics(respond); });
    if (!admin_) return respond(not_found());
    if (path == "/api/v1/clients") return get(request, respond, [&] { count(std::nullopt, respond); });
    if (path == "/drain") return post(request, respond, [&] { drain(respond); });
    constexpr std::string_view kDebug = "/debug/";
    if (path.substr(0, kDebug.size()) == kDebug) return debug(path.substr(kDebug.size()), request, respond);
    constexpr std::string_view kDevices = "/api/v1/devices/";
    if (path.substr(0, kDevices.size()) == kDevices) return device(path.substr(kDevices.size()), request, respond);
    respond(not_found());
  }

 private:
  template <typename Answer>
  static void get(const HttpRequest& request, const Respond& respond, Answer&& answer) {
    if (request.method == "GET" || request.method == "HEAD") return answer();
    respond(http_error(405, "Use GET.", "GET, HEAD"));
  }

  template <typename Answer>
  static void post(const HttpRequest& request, const Respond& respond, Answer&& answer) {
    if (request.method != "POST") return respond(http_error(405, "Use POST.", "POST"));
    if (from_web_page(request)) return respond(http_error(403, "Requests of web pages are refused here."));
    answer();
  }

  void readyz(const Respond& respond) const {
    const Readiness readiness = control_.readiness();
    if (readiness.ready) return respond(json(200, "{\"status\":\"ready\"}"));
    std::string body = "{\"status\":\"not-ready\",\"reason\":";
    proto::append_json_string(body, readiness.reason);
    respond(json(503, body + "}"));
  }

  void metrics(const Respond& respond) const {
    control_.report([respond](const GatewayReport& report) {
      HttpResponse response;
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = render_metrics(report);
      respond(std::move(response));
    });
  }

  void count(const std::optional<proto::DeviceId>& id, const Respond& respond) const {
    control_.count_clients(id, [id, respond](std::size_t number) { respond(clients(id, number)); });
  }

  void drain(const Respond& respond) const {
    control_.drain();
    respond(json(202, "{\"status\":\"draining\"}"));
  }

  // `rest`: "log-level", "sessions", "sessions/{id}" or "devices/{uuid}".
  void debug(std::string_view rest, const HttpRequest& request, const Respond& respond) const {
    constexpr std::string_view kDevice = "devices/", kSession = "sessions/";
    if (rest == "log-level") return log_level(request, respond);
    if (rest == "sessions") return get(request, respond, [&] { sessions(respond); });
    if (rest.substr(0, kDevice.size()) == kDevice) {
      const auto id = proto::DeviceId::parse(rest.substr(kDevice.size()));
      if (!id) return respond(http_error(400, "The device must be a UUID."));
      return get(request, respond, [&] {
        control_.report_device(*id, [id, respond](const std::vector<devices::DeviceReport>& reports) {
          respond(json(200, debug_device(*id, reports)));
        });
      });
    }
    if (rest.substr(0, kSession.size()) == kSession && rest.size() > kSession.size())
      return get(request, respond, [&] { session(rest.substr(kSession.size()), respond); });
    respond(not_found());
  }

  void session(std::string_view id, const Respond& respond) const {
    control_.report_session(std::string(id), [this, respond](const std::optional<ws::SessionReport>& report) {
      if (!report)
        return respond(http_error(404,
                                  "There is no open connection with this id here: it was closed (see client.close "
                                  "in the log), or another replica has it."));
      respond(json(200, debug_session(*report, control_.channels())));
    });
  }

  void sessions(const Respond& respond) const {
    control_.report_sessions(kMaxListedSessions, [this, respond](std::vector<ws::SessionReport> reports) {
      respond(json(200, debug_sessions(std::move(reports), control_.channels())));
    });
  }

  static void log_level(const HttpRequest& request, const Respond& respond) {
    if (request.method == "PUT" || request.method == "POST") {
      if (from_web_page(request)) return respond(http_error(403, "Requests of web pages are refused here."));
      const std::size_t end = request.body.find_last_not_of(" \r\n\t");
      const auto level = log::find_level(std::string_view(request.body).substr(0, end + 1));
      if (!level) return respond(http_error(400, "The body must be one of trace, debug, info, warn, error."));
      const log::Level before = log::level();
      log::set_level(std::min(*level, before));  // the line is written by the more talkative of the two
      log::warn("log.level", {{"log_level", log::name(*level)}, {"before", log::name(before)}});
      log::set_level(*level);
    } else if (request.method != "GET" && request.method != "HEAD") {
      return respond(http_error(405, "Use GET or PUT.", "GET, HEAD, POST, PUT"));
    }
    respond(json(200, "{\"level\":\"" + std::string(log::name(log::level())) + "\"}"));
  }

  // `rest`: "{uuid}/clients" or "{uuid}/broadcast".
  void device(std::string_view rest, const HttpRequest& request, const Respond& respond) const {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view action = rest.substr(slash);
    if (action != "/clients" && action != "/broadcast") return respond(not_found());
    const auto id = proto::DeviceId::parse(rest.substr(0, slash));
    if (!id) return respond(http_error(400, "The device must be a UUID."));
    if (action == "/clients") return get(request, respond, [&] { count(id, respond); });
    post(request, respond, [&] { broadcast(*id, request, respond); });
  }

  void broadcast(const proto::DeviceId& id, const HttpRequest& request, const Respond& respond) const {
    // The same reader as for broadcasts that come by Redis: what is accepted here is what clients could get from there.
    proto::BusEventParser parser(proto::limits::kMaxBusPayload);
    proto::BusEvent event;
    const auto error = parser.parse(proto::TopicKind::broadcast, request.body, event);
    if (error != proto::BusEventError::none)
      return respond(http_error(
          400, "The body must be a JSON object with a string member `type` (" + std::string(name(error)) + ")."));
    control_.broadcast(id, request.body, [respond](std::size_t delivered) {
      respond(json(200, "{\"delivered\":" + std::to_string(delivered) + "}"));
    });
  }

  Control& control_;
  const bool admin_;
};

HttpHandler make_handler(Control& control, bool admin) {
  return [routes = Routes(control, admin)](const HttpRequest& request, Respond respond) {
    routes.handle(request, std::move(respond));
  };
}

}  // namespace

HttpHandler health_routes(Control& control) {
  return make_handler(control, false);
}
HttpHandler admin_routes(Control& control) {
  return make_handler(control, true);
}

}  // namespace pulsegate::ops
