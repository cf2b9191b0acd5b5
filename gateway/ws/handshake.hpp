// websocketpp's HTTP request and response, adapted. The library judges a handshake in several places, each with a bare
// status and some with a protocol of its own (hybi00, hybi07). Here only what is a valid RFC 6455 handshake looks like
// one to it; everything else is plain HTTP, which the connection answers in one place.
#pragma once

#include <string>

#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>

#include "gateway/ws/compression_offer.hpp"
#include "gateway/ws/http_answer.hpp"
#include "proto/error_code.hpp"

namespace pulsegate::ws {

class HandshakeRequest : public websocketpp::http::parser::request {
 public:
  using Base = websocketpp::http::parser::request;

  // What websocketpp sees: no Upgrade unless the whole handshake is one that we speak. So it never creates a processor
  // for another version, and never refuses by itself.
  const std::string& get_header(const std::string& name) const {
    static const std::string kNone;
    if (name == "Upgrade" && !speakable()) return kNone;
    return Base::get_header(name);
  }

  // What websocketpp asks for extensions: none, or one permessage-deflate whose only attribute is the answer that it
  // gives back through PermessageDeflate. So a header that it could not parse is no reason to refuse, and the choice is
  // made in one place.
  bool get_header_as_plist(const std::string& name, websocketpp::http::parameter_list& list) const {
    if (name != "Sec-WebSocket-Extensions") return Base::get_header_as_plist(name, list);
    if (!compression_) return false;
    if (const auto answer = answer_compression_offer(sent("Sec-WebSocket-Extensions")))
      list.emplace_back("permessage-deflate", websocketpp::http::attribute_list{{*answer, {}}});
    return false;  // no error
  }
  void allow_compression(bool allowed) noexcept { compression_ = allowed; }

  // What the client sent.
  const std::string& sent(const char* name) const { return Base::get_header(name); }
  bool speakable() const {
    return get_method() == "GET" && get_version() == "HTTP/1.1" && sent("Sec-WebSocket-Version") == "13" &&
           is_key(sent("Sec-WebSocket-Key"));
  }
  // Frees what a connection does not need once it is open (some 2 KB with a browser's headers and a token).
  void forget() { static_cast<Base&>(*this) = Base(); }

 private:
  // 16 bytes in base64 (RFC 6455, section 4.2.1).
  static bool is_key(const std::string& key) {
    constexpr std::size_t kDigits = 22;
    if (key.size() != kDigits + 2 || key.compare(kDigits, 2, "==") != 0) return false;
    return key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == kDigits;
  }

  bool compression_ = false;
};

class HandshakeResponse : public websocketpp::http::parser::response {
 public:
  using Base = websocketpp::http::parser::response;

  void set_status(websocketpp::http::status_code::value code) {
    set_status(code, websocketpp::http::status_code::get_string(code));
  }
  // websocketpp answers what it cannot parse (400, 413, 431) through this: such answers get a body as well.
  void set_status(websocketpp::http::status_code::value code, const std::string& message) {
    Base::set_status(code, websocketpp::http::status_code::get_string(code));
    if (code < websocketpp::http::status_code::bad_request) return;
    remove_header("Sec-WebSocket-Extensions");  // negotiated before the handshake was refused
    replace_header("Connection", "close");
    replace_header("Content-Type", "application/json");
    set_body(error_body(proto::ErrorCode::bad_request, message));
  }
  void forget() { static_cast<Base&>(*this) = Base(); }
};

}  // namespace pulsegate::ws
