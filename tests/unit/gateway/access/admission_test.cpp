// The decision table of the public port: who gets a WebSocket, and what everyone else is told in which form.
#include "gateway/access/admission.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate;
using namespace pulsegate::access;
using proto::CloseCode;
using proto::ErrorCode;

namespace {

constexpr const char* kUuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

Request websocket(std::string_view target) {
  Request request;
  request.method = "GET";
  request.target = target;
  request.websocket_version = "13";
  request.upgrade = true;
  return request;
}

Request plain(std::string_view target) {
  Request request;
  request.method = "GET";
  request.target = target;
  return request;
}

Admission decide_on(const std::string& target) {
  return decide(websocket(target), true);
}

void check_refusal(const Admission& admission, int status, CloseCode close, ErrorCode error) {
  BOOST_TEST(!admission.accepted);
  BOOST_TEST(admission.http_status == status);
  BOOST_TEST((admission.close == close));
  BOOST_TEST((admission.error == error));
  BOOST_TEST(!admission.message.empty());
  BOOST_TEST(admission.message.back() == '.');
}

}  // namespace

BOOST_AUTO_TEST_SUITE(AdmissionTest)

BOOST_AUTO_TEST_CASE(accepts_the_path_of_the_guide) {
  const Admission admission = decide_on(std::string("/api/v1/devices/") + kUuid + "/ws");
  BOOST_TEST(admission.accepted);
  BOOST_TEST((admission.route == Route::device));
  BOOST_TEST(admission.device.value().text() == kUuid);
  BOOST_TEST(!admission.refuse_by_close);
}

BOOST_AUTO_TEST_CASE(accepts_the_legacy_path_with_further_parameters) {
  for (const std::string& query :
       {std::string("deviceUuid=") + kUuid, std::string("token=abc&deviceUuid=") + kUuid + "&x",
        std::string("deviceUuid=") + kUuid + "&token=a%20b"}) {
    const Admission admission = decide_on("/ws?" + query);
    BOOST_TEST(admission.accepted);
    BOOST_TEST((admission.route == Route::legacy_device));
    BOOST_TEST(admission.device.value().text() == kUuid);
  }
}

BOOST_AUTO_TEST_CASE(tolerates_what_clients_and_proxies_do_to_a_target) {
  const std::string path = std::string("/api/v1/devices/") + kUuid + "/ws";
  BOOST_TEST(decide_on(path + "?token=abc").accepted);
  BOOST_TEST(decide_on(path + "/").accepted);
  BOOST_TEST(decide_on("http://gateway:8080" + path).accepted);
  BOOST_TEST(decide_on("/api/v1/devices/0F8FAD5B-d9cb-469f-a165-70867728950e/ws").device.value().text() == kUuid);
  BOOST_TEST(decide_on("/api/v1/devices/%30f8fad5b%2Dd9cb-469f-a165-70867728950e/ws").device.value().text() == kUuid);
  BOOST_TEST(decide_on("/ws?device%55uid=0f8fad5b%2Dd9cb-469f-a165-70867728950e").accepted);
}

BOOST_AUTO_TEST_CASE(an_unknown_path_is_not_found) {
  for (const std::string& target :
       {std::string("/"), std::string(""), std::string("*"), std::string("/api/v1/devices//ws"),
        std::string("/api/v1/devices/ws"), std::string("/api/v1/devices/"), std::string("/wss"), std::string("//ws"),
        std::string("/api/v1/devices/") + kUuid, std::string("/api/v1/devices/a/b/ws"),
        std::string("/API/v1/devices/") + kUuid + "/ws", std::string("/api/v1/devices/") + kUuid + "/ws/more"}) {
    BOOST_TEST_INFO(target);
    check_refusal(decide_on(target), 404, CloseCode::not_found, ErrorCode::not_found);
  }
}

BOOST_AUTO_TEST_CASE(a_device_that_is_no_uuid_is_a_bad_request) {
  const std::string escaped_slash = std::string("/api/v1/devices/") + kUuid + "%2Fws/ws";
  for (const std::string& target :
       {std::string("/api/v1/devices/kitchen/ws"), std::string("/ws?deviceUuid=kitchen"), std::string("/ws"),
        std::string("/ws?deviceuuid=") + kUuid, std::string("/api/v1/devices/%zz/ws"), escaped_slash}) {
    BOOST_TEST_INFO(target);
    const Admission admission = decide_on(target);
    check_refusal(admission, 400, CloseCode::bad_request, ErrorCode::invalid_device);
    BOOST_TEST(!admission.device.has_value());
  }
}

BOOST_AUTO_TEST_CASE(plain_http_on_a_websocket_path_is_told_to_upgrade) {
  Request request = websocket("/ws?deviceUuid=kitchen");
  request.upgrade = false;
  request.websocket_version = {};
  check_refusal(decide(request, true), 426, CloseCode::bad_request, ErrorCode::upgrade_required);
}

BOOST_AUTO_TEST_CASE(other_methods_are_not_allowed_on_a_path_that_exists) {
  Request request = websocket(std::string_view("/ws"));
  request.method = "POST";
  request.origin = "https://dashboard.example";
  const Admission admission = decide(request, true);
  check_refusal(admission, 405, CloseCode::bad_request, ErrorCode::bad_request);
  BOOST_TEST(!admission.refuse_by_close);
  request.target = "/nothing";
  BOOST_TEST(decide(request, true).http_status == 404);
}

BOOST_AUTO_TEST_CASE(other_versions_of_the_protocol_are_refused_by_status) {
  const std::string target = std::string("/ws?deviceUuid=") + kUuid;
  for (const char* version : {"", "0", "7", "8", "12", "14", "013", "13, 8", "x"}) {
    Request request = websocket(target);
    request.websocket_version = version;
    request.origin = "https://dashboard.example";
    BOOST_TEST_INFO(version);
    const Admission admission = decide(request, true);
    check_refusal(admission, 426, CloseCode::bad_request, ErrorCode::upgrade_required);
    BOOST_TEST(!admission.refuse_by_close);
  }
}

BOOST_AUTO_TEST_CASE(a_browser_is_refused_by_close_code) {
  for (const char* target : {"/nothing", "/api/v1/devices/kitchen/ws"}) {
    Request request = websocket(target);
    BOOST_TEST(!decide(request, true).refuse_by_close);
    request.origin = "https://dashboard.example";
    BOOST_TEST(decide(request, true).refuse_by_close);
    request.upgrade = false;
    BOOST_TEST(!decide(request, true).refuse_by_close);
  }
}

BOOST_AUTO_TEST_CASE(while_draining_every_websocket_is_unavailable) {
  const std::string target = std::string("/ws?deviceUuid=") + kUuid;
  const Admission admission = decide(websocket(target), false);
  check_refusal(admission, 503, CloseCode::try_again_later, ErrorCode::unavailable);
  BOOST_TEST(admission.device.value().text() == kUuid);
  BOOST_TEST((admission.route == Route::legacy_device));
}

BOOST_AUTO_TEST_CASE(a_request_that_can_never_succeed_is_not_told_to_try_again) {
  check_refusal(decide(websocket("/nothing"), false), 404, CloseCode::not_found, ErrorCode::not_found);
  check_refusal(decide(websocket("/ws?deviceUuid=kitchen"), false), 400, CloseCode::bad_request,
                ErrorCode::invalid_device);
}

BOOST_AUTO_TEST_CASE(plain_routes_are_accepted_with_their_parameters) {
  const std::string device = std::string("/api/v1/devices/") + kUuid;
  const Admission snapshot = decide(plain(device + "/snapshot"), true);
  BOOST_TEST(snapshot.accepted);
  BOOST_TEST((snapshot.route == Route::snapshot));
  BOOST_TEST(snapshot.device.value().text() == kUuid);
  BOOST_TEST(snapshot.query.empty());
  const Admission history = decide(plain(device + "/history?from=1&points=5"), true);
  BOOST_TEST(history.accepted);
  BOOST_TEST((history.route == Route::history));
  BOOST_TEST(history.query == "from=1&points=5");
  BOOST_TEST(decide(plain("http://gateway:8080" + device + "/snapshot/?x"), true).accepted);
}

BOOST_AUTO_TEST_CASE(plain_routes_refuse_what_they_cannot_answer) {
  for (const std::string route : {"/snapshot", "/history"}) {
    BOOST_TEST_INFO(route);
    const std::string target = std::string("/api/v1/devices/") + kUuid + route;
    check_refusal(decide(plain("/api/v1/devices/kitchen" + route), true), 400, CloseCode::bad_request,
                  ErrorCode::invalid_device);
    check_refusal(decide(plain("/api/v1/devices" + route), true), 404, CloseCode::not_found, ErrorCode::not_found);
    check_refusal(decide(plain(target), false), 503, CloseCode::try_again_later, ErrorCode::unavailable);
    for (const char* method : {"HEAD", "POST", "OPTIONS"}) {
      Request request = plain(target);
      request.method = method;
      const Admission admission = decide(request, true);
      check_refusal(admission, 405, CloseCode::bad_request, ErrorCode::bad_request);
      BOOST_TEST((admission.route == (route == "/history" ? Route::history : Route::snapshot)));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_page_is_found_by_exact_paths_and_read_only) {
  for (const std::string target : {"/", "/?devices=a,b", "/assets/page-1.js", "/assets/", "/favicon.svg?x",
                                   "http://gateway:8080/", "http://gateway:8080", "/assets/../../etc/passwd"}) {
    BOOST_TEST_INFO(target);
    Request request = plain(target);
    request.has_page = true;
    for (const char* method : {"GET", "HEAD"}) {
      request.method = method;
      const Admission admission = decide(request, true);
      BOOST_TEST(admission.accepted);
      BOOST_TEST((admission.route == Route::page));
      BOOST_TEST(!admission.device.has_value());
      check_refusal(decide(request, false), 503, CloseCode::try_again_later, ErrorCode::unavailable);
    }
    for (const char* method : {"POST", "OPTIONS", "head", "DELETE"}) {
      request.method = method;
      const Admission admission = decide(request, true);
      check_refusal(admission, 405, CloseCode::bad_request, ErrorCode::bad_request);
      BOOST_TEST((admission.route == Route::page));
    }
  }
  for (const char* target : {"//", "/assets", "/index.html", "/%2F", "/favicon.svg/", "/favicon.ico", "/Assets/x"}) {
    Request request = plain(target);
    request.has_page = true;
    BOOST_TEST(decide(request, true).http_status == 404, target);
  }
}

BOOST_AUTO_TEST_CASE(without_a_page_its_paths_are_nothing) {
  for (const char* target : {"/", "/assets/page-1.js", "/favicon.svg"}) {
    for (const char* method : {"GET", "POST"}) {
      Request request = plain(target);
      request.method = method;
      const Admission admission = decide(request, true);
      check_refusal(admission, 404, CloseCode::not_found, ErrorCode::not_found);
      BOOST_TEST(admission.message.find("no dashboard page") != std::string::npos, admission.message);
      BOOST_TEST((admission.route != Route::page));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_websocket_at_the_page_is_a_wrong_address) {
  for (const bool has_page : {false, true}) {
    Request request = websocket(std::string_view("/"));
    request.has_page = has_page;
    request.origin = "https://dashboard.example";
    const Admission admission = decide(request, true);
    check_refusal(admission, 404, CloseCode::not_found, ErrorCode::not_found);
    BOOST_TEST(admission.refuse_by_close);
    BOOST_TEST(admission.message.find("dashboard") == std::string::npos, admission.message);
  }
}

BOOST_AUTO_TEST_CASE(a_websocket_on_a_plain_route_is_a_bad_request_also_for_a_browser) {
  const std::string target = std::string("/api/v1/devices/") + kUuid + "/snapshot";
  Request request = websocket(target);
  check_refusal(decide(request, true), 400, CloseCode::bad_request, ErrorCode::bad_request);
  request.origin = "https://dashboard.example";
  BOOST_TEST(decide(request, true).refuse_by_close);
}

BOOST_AUTO_TEST_CASE(the_device_of_a_target_is_found_on_every_route) {
  const std::string device = std::string("/api/v1/devices/") + kUuid;
  for (const std::string& target :
       {device + "/ws", device + "/snapshot", device + "/history?from=1", std::string("/ws?deviceUuid=") + kUuid})
    BOOST_TEST(device_of(target).value().text() == kUuid, target);
  for (const std::string& target : {device, device + "/nothing", std::string("/"), std::string("/ws")})
    BOOST_TEST(!device_of(target).has_value(), target);
}

BOOST_AUTO_TEST_CASE(the_fleet_endpoint_names_no_device) {
  for (const char* target : {"/api/v1/ws", "/api/v1/ws/", "/api/v1/ws?token=x&deviceUuid=kitchen"}) {
    const Admission admission = decide(websocket(target), true);
    BOOST_TEST(admission.accepted, target);
    BOOST_TEST((admission.route == Route::fleet), target);
    BOOST_TEST(!admission.device.has_value(), target);
    BOOST_TEST(is_fleet(target), target);
    BOOST_TEST(!device_of(target).has_value(), target);
  }
  BOOST_TEST(!is_fleet(std::string("/api/v1/devices/") + kUuid + "/ws"));
  BOOST_TEST(!is_fleet("/api/v1/wss"));
  check_refusal(decide(plain("/api/v1/ws"), true), 426, CloseCode::bad_request, ErrorCode::upgrade_required);
  check_refusal(decide(websocket("/api/v1/ws"), false), 503, CloseCode::try_again_later, ErrorCode::unavailable);
}

BOOST_AUTO_TEST_SUITE_END()
