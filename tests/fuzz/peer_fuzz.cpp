// Who has called: the PROXY header, the header in which proxies name the client, addresses, Origin and Host.
#include <string>

#include "gateway/access/forwarded.hpp"
#include "gateway/access/ip_address.hpp"
#include "gateway/access/origins.hpp"
#include "gateway/access/proxy_header.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

void check_proxy_header(std::string_view bytes) {
  using Status = access::ProxyHeader::Status;
  const access::ProxyHeader whole = access::parse_proxy_header(bytes);
  must_hold(whole.status != Status::incomplete || bytes.size() < access::kMaxProxyHeader,
            "nobody waits for more than a header has");
  must_hold(whole.status != Status::complete || whole.size <= bytes.size(), "a header lies in what was read");
  // However the bytes are cut, it is known at the same byte, and the same.
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const access::ProxyHeader part = access::parse_proxy_header(bytes.substr(0, size));
    if (whole.status == Status::incomplete)
      must_hold(part.status == Status::incomplete, "more bytes take nothing back");
    if (whole.status == Status::complete)
      must_hold(part.status == (size < whole.size ? Status::incomplete : Status::complete), "a header ends at its end");
    if (part.status == Status::malformed)
      must_hold(whole.status == Status::malformed, "what is wrong does not become right");
    if (part.status == Status::complete)
      must_hold(part.size == whole.size && part.source == whole.source, "what follows a header does not change it");
  }
}

void check_addresses(std::string_view text) {
  if (const auto address = access::IpAddress::parse(text)) {
    must_hold(access::IpAddress::parse(address->text()) == address, "an address reads back");
    const auto network = access::Network::parse(address->text());
    must_hold(network && network->contains(*address), "an address is a network of one");
  }
  (void)access::Network::parse(text);
  const auto peer = *access::IpAddress::parse("10.0.0.1");
  const access::NetworkList trusted({"10.0.0.0/8"});
  const access::NetworkList nobody;
  for (const auto form : {access::ForwardedHeader::x_forwarded_for, access::ForwardedHeader::forwarded}) {
    must_hold(access::client_address(peer, form, text, nobody) == peer, "who is not trusted speaks for itself only");
    must_hold(access::client_address(peer, form, text, trusted).known(), "a request is always of somebody");
  }
}

void check_names(std::string_view text) {
  if (access::check_origin(text).empty()) (void)access::OriginList({std::string(text)}).allows(text);
  if (access::check_host(text).empty()) (void)access::HostList({std::string(text)}).allows(text);
  const access::OriginList origins({"https://dash.example", "https://*.fleet.example"});
  if (origins.allows(text) && !text.empty())
    must_hold(text.size() >= 20 && (text[0] == 'h' || text[0] == 'H'), "an allowed origin is one of ours");
  must_hold(!access::HostList({"dash.example"}).allows({}), "with a list a host must be said");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_proxy_header(text.substr(0, 512));
  check_addresses(text);
  check_names(text);
  return 0;
}
