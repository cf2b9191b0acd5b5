// Sections 1 to 5 and 8, 9: frames, control frames, fragments, masks, lengths and limits.
#include "tests/conformance/rfc6455/case.hpp"

namespace pulsegate::test {
namespace {

constexpr std::size_t kMaxMessage = 16 * 1024;  // bytes, the default of --max-message-size

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

Case alive(const std::string& id, const std::string& name, std::vector<std::string> writes, std::vector<Echo> echoes,
           std::vector<std::string> pongs = {}) {
  Case one;
  one.id = id;
  one.name = name;
  one.writes = std::move(writes);
  one.echoes = std::move(echoes);
  one.pongs = std::move(pongs);
  return one;
}

Case closed(const std::string& id, const std::string& name, std::vector<std::string> writes,
            std::vector<std::uint16_t> codes) {
  Case one;
  one.id = id;
  one.name = name;
  one.writes = std::move(writes);
  one.codes = std::move(codes);
  return one;
}

std::string numbered(const char* section, std::size_t number) {
  return std::string(section) + '.' + std::to_string(number);
}

}  // namespace

std::string client_frame(Opcode opcode, const std::string& payload, bool fin, int rsv) {
  return encode_frame({fin, static_cast<std::uint8_t>(rsv), opcode, true, payload});
}

std::string frame_with_length(Opcode opcode, std::uint64_t size, int length_bytes, const std::string& payload,
                              bool masked) {
  std::string out(1, static_cast<char>(0x80 | static_cast<int>(opcode)));
  const int length = length_bytes == 0 ? static_cast<int>(size) : length_bytes == 2 ? 126 : 127;
  out.push_back(static_cast<char>((masked ? 0x80 : 0) | length));
  append_number(out, size, length_bytes);
  if (masked) out.append(4, '\0');
  return out + payload;
}

std::string close_frame(std::uint16_t code, const std::string& reason) {
  return client_frame(Opcode::close, close_payload(code, reason));
}

std::vector<std::string> in_bytes(const std::string& text) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  return bytes;
}

std::vector<Case> framing_cases() {
  std::vector<Case> cases;
  const std::pair<Opcode, const char*> kinds[] = {{Opcode::text, "1.1"}, {Opcode::binary, "1.2"}};
  for (const auto& [opcode, section] : kinds) {
    const std::string kind = opcode == Opcode::text ? "text" : "binary";
    std::size_t number = 0;
    for (const std::size_t size : {0, 1, 125, 126, 127, 128, 4096, 16384}) {
      const std::string payload(size, opcode == Opcode::text ? '*' : '\xfe');
      cases.push_back(alive(numbered(section, ++number), kind + " of " + std::to_string(size) + " bytes",
                            {client_frame(opcode, payload)}, {{opcode, payload}}));
    }
    const std::string payload(200, opcode == Opcode::text ? '*' : '\xfe');
    cases.push_back(alive(numbered(section, ++number), kind + " that comes in single bytes",
                          in_bytes(client_frame(opcode, payload)), {{opcode, payload}}));
    cases.push_back(alive(numbered(section, ++number), "three of " + kind + " in one write",
                          {client_frame(opcode, "1") + client_frame(opcode, "2") + client_frame(opcode, "3")},
                          {{opcode, "1"}, {opcode, "2"}, {opcode, "3"}}));
  }
  return cases;
}

std::vector<Case> ping_cases() {
  std::vector<Case> cases;
  const std::string bytes("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
  const std::string most(125, '\xfe');
  cases.push_back(alive("2.1", "a ping without payload", {client_frame(Opcode::ping, "")}, {}, {""}));
  cases.push_back(alive("2.2", "a ping with text", {client_frame(Opcode::ping, "Hello")}, {}, {"Hello"}));
  cases.push_back(alive("2.3", "a ping with bytes that are no text", {client_frame(Opcode::ping, bytes)}, {}, {bytes}));
  cases.push_back(alive("2.4", "a ping of 125 bytes", {client_frame(Opcode::ping, most)}, {}, {most}));
  cases.push_back(closed("2.5", "a ping of 126 bytes", {client_frame(Opcode::ping, std::string(126, 'x'))}, {1002}));
  cases.push_back(alive("2.6", "a ping in single bytes", in_bytes(client_frame(Opcode::ping, most)), {}, {most}));
  cases.push_back(alive("2.7", "a pong that nobody asked for", {client_frame(Opcode::pong, "")}, {}));
  cases.push_back(alive("2.8", "such a pong with payload", {client_frame(Opcode::pong, "unasked")}, {}));
  cases.push_back(alive("2.9", "such a pong, then a ping",
                        {client_frame(Opcode::pong, "unasked") + client_frame(Opcode::ping, "asked")}, {}, {"asked"}));
  std::vector<std::string> pings;
  std::vector<std::string> payloads;
  for (int i = 0; i < 10; ++i) {
    payloads.push_back("payload-" + std::to_string(i));
    pings.push_back(client_frame(Opcode::ping, payloads.back()));
  }
  Case one_by_one = alive("2.10", "ten pings, each after the pong before", pings, {}, payloads);
  one_by_one.wait_for_pongs = true;
  cases.push_back(one_by_one);
  std::string burst;
  for (const std::string& ping : pings) burst += ping;
  Case at_once = alive("2.11", "ten pings at once: the latest at least is answered", {burst}, {}, payloads);
  at_once.only_last_pong = true;
  cases.push_back(at_once);
  cases.push_back(closed("2.12", "a pong of 126 bytes", {client_frame(Opcode::pong, std::string(126, 'x'))}, {1002}));
  return cases;
}

std::vector<Case> reserved_bit_cases() {
  std::vector<Case> cases;
  const std::pair<Opcode, const char*> kinds[] = {
      {Opcode::text, "text"}, {Opcode::binary, "binary"}, {Opcode::ping, "a ping"}, {Opcode::close, "a close"}};
  std::size_t number = 0;
  for (const auto& [opcode, kind] : kinds)
    for (int rsv = 1; rsv < 8; ++rsv)
      cases.push_back(closed(numbered("3", ++number),
                             std::string(kind) + " with reserved bits " + std::to_string(rsv) + " and no extension",
                             {client_frame(opcode, opcode == Opcode::close ? close_payload(1000) : "x", true, rsv)},
                             {1002}));
  cases.push_back(closed(numbered("3", ++number), "a reserved bit after a message, in single bytes",
                         in_bytes(client_frame(Opcode::text, "first") + client_frame(Opcode::text, "x", true, 2)),
                         {1002}));
  return cases;
}

std::vector<Case> opcode_cases() {
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    const auto reserved = static_cast<Opcode>(opcode);
    const std::string name = "the reserved opcode " + std::to_string(opcode);
    cases.push_back(closed(numbered("4", ++number), name, {client_frame(reserved, "")}, {1002}));
    cases.push_back(closed(numbered("4", ++number), name + " with payload, after a message",
                           {client_frame(Opcode::text, "first") + client_frame(reserved, "x")}, {1002}));
  }
  return cases;
}

std::vector<Case> fragmentation_cases() {
  const auto text = [](const std::string& payload, bool fin) { return client_frame(Opcode::text, payload, fin); };
  const auto more = [](const std::string& payload, bool fin) {
    return client_frame(Opcode::continuation, payload, fin);
  };
  const std::string ping = client_frame(Opcode::ping, "between");
  const Echo whole{Opcode::text, "fragment1fragment2"};
  std::vector<Case> cases;
  cases.push_back(
      closed("5.1", "a ping in two fragments", {client_frame(Opcode::ping, "a", false) + more("b", true)}, {1002}));
  cases.push_back(
      closed("5.2", "a pong in two fragments", {client_frame(Opcode::pong, "a", false) + more("b", true)}, {1002}));
  cases.push_back(alive("5.3", "text in two fragments", {text("fragment1", false), more("fragment2", true)}, {whole}));
  cases.push_back(
      alive("5.4", "two fragments in one write", {text("fragment1", false) + more("fragment2", true)}, {whole}));
  cases.push_back(alive("5.5", "two fragments in single bytes",
                        in_bytes(text("fragment1", false) + more("fragment2", true)), {whole}));
  cases.push_back(alive("5.6", "a ping between fragments", {text("fragment1", false), ping, more("fragment2", true)},
                        {whole}, {"between"}));
  cases.push_back(alive("5.7", "a ping between fragments, in one write",
                        {text("fragment1", false) + ping + more("fragment2", true)}, {whole}, {"between"}));
  cases.push_back(alive("5.8", "a ping between fragments, in single bytes",
                        in_bytes(text("fragment1", false) + ping + more("fragment2", true)), {whole}, {"between"}));
  cases.push_back(closed("5.9", "a continuation of nothing, final", {more("x", true) + text("y", true)}, {1002}));
  cases.push_back(closed("5.10", "a continuation of nothing, not final", {more("x", false) + text("y", true)}, {1002}));
  cases.push_back(closed("5.11", "a continuation after a whole message", {text("a", true), more("b", true)}, {1002}));
  cases.push_back(closed("5.12", "text within a fragmented message", {text("a", false) + text("b", true)}, {1002}));
  cases.push_back(closed("5.13", "binary within a fragmented text",
                         {text("a", false) + client_frame(Opcode::binary, "b")}, {1002}));
  cases.push_back(alive("5.14", "fragments without payload", {text("", false) + more("", false) + more("", true)},
                        {{Opcode::text, ""}}));
  cases.push_back(alive("5.15", "only the middle fragment has payload",
                        {text("", false) + more("middle", false) + more("", true)}, {{Opcode::text, "middle"}}));
  cases.push_back(alive("5.16", "binary in three fragments",
                        {client_frame(Opcode::binary, "\xff", false) + more("\xfe", false) + more("\xfd", true)},
                        {{Opcode::binary, "\xff\xfe\xfd"}}));
  std::string fragments = text("0", false);
  std::string joined = "0";
  for (int i = 1; i < 200; ++i) {
    joined += std::to_string(i % 10);
    fragments += more(joined.substr(joined.size() - 1), i == 199);
  }
  cases.push_back(alive("5.17", "two hundred fragments", {fragments}, {{Opcode::text, joined}}));
  cases.push_back(
      closed("5.18", "a close between fragments is a close", {text("fragment1", false) + close_frame(1000)}, {1000}));
  return cases;
}

std::vector<Case> encoding_cases() {
  std::vector<Case> cases;
  cases.push_back(closed("8.1.1", "text without a mask", {encode_frame({true, 0, Opcode::text, false, "x"})}, {1002}));
  cases.push_back(closed("8.1.2", "a ping without a mask", {encode_frame({true, 0, Opcode::ping, false, ""})}, {1002}));
  cases.push_back(closed("8.1.3", "a close without a mask",
                         {encode_frame({true, 0, Opcode::close, false, close_payload(1000)})}, {1002}));
  cases.push_back(closed(
      "8.1.4", "a continuation without a mask",
      {client_frame(Opcode::text, "a", false) + encode_frame({true, 0, Opcode::continuation, false, "b"})}, {1002}));
  cases.push_back(
      alive("8.1.5", "a mask of zeros", {frame_with_length(Opcode::text, 5, 0, "plain")}, {{Opcode::text, "plain"}}));
  std::size_t number = 0;
  for (const std::uint64_t size : {0, 1, 125})
    cases.push_back(closed(numbered("8.2", ++number), std::to_string(size) + " bytes in 16 bits of length",
                           {frame_with_length(Opcode::text, size, 2, std::string(size, 'x'))}, {1002}));
  for (const std::uint64_t size : {0, 125, 126, 4096})
    cases.push_back(closed(numbered("8.2", ++number), std::to_string(size) + " bytes in 64 bits of length",
                           {frame_with_length(Opcode::text, size, 8, std::string(size, 'x'))}, {1002}));
  cases.push_back(closed(numbered("8.2", ++number), "a ping whose length is in 16 bits",
                         {frame_with_length(Opcode::ping, 5, 2, "hello")}, {1002}));
  // The RFC wants bit 63 to be zero. Whether that or the size is what is wrong with it is a matter of taste.
  number = 0;
  for (const std::uint64_t size : {std::uint64_t{1} << 63, (std::uint64_t{1} << 63) | 5, ~std::uint64_t{0}}) {
    cases.push_back(closed(numbered("8.3", ++number), "a length of " + std::to_string(size),
                           {frame_with_length(Opcode::text, size, 8, "hello")}, {1002, 1009}));
    cases.push_back(closed(numbered("8.3", ++number), "a continuation of " + std::to_string(size),
                           {client_frame(Opcode::text, "begun", false) +
                            frame_with_length(Opcode::continuation, size, 8, std::string(kMaxMessage + 4096, 'x'))},
                           {1002, 1009}));
  }
  for (const int bits : {31, 32, 33, 40, 62})
    cases.push_back(closed(numbered("8.3", ++number), "a length of two to the " + std::to_string(bits),
                           {frame_with_length(Opcode::binary, std::uint64_t{1} << bits, 8, "hello")}, {1009}));
  return cases;
}

std::vector<Case> limit_cases() {
  std::vector<Case> cases;
  const std::string most(kMaxMessage, '*');
  cases.push_back(alive("9.1", "the longest message", {client_frame(Opcode::text, most)}, {{Opcode::text, most}}));
  cases.push_back(closed("9.2", "one byte more", {client_frame(Opcode::text, most + '*')}, {1009}));
  cases.push_back(closed("9.3", "65 535 bytes", {client_frame(Opcode::binary, std::string(65535, '*'))}, {1009}));
  cases.push_back(closed("9.4", "65 536 bytes", {client_frame(Opcode::binary, std::string(65536, '*'))}, {1009}));
  cases.push_back(
      closed("9.5", "the head alone of 65 536 bytes", {frame_with_length(Opcode::binary, 65536, 8, "")}, {1009}));
  std::string exact = client_frame(Opcode::text, most.substr(0, 1024), false);
  for (std::size_t at = 1024; at < kMaxMessage; at += 1024)
    exact += client_frame(Opcode::continuation, most.substr(at, 1024), at + 1024 == kMaxMessage);
  cases.push_back(alive("9.6", "the longest message in fragments", {exact}, {{Opcode::text, most}}));
  std::string beyond = client_frame(Opcode::text, most.substr(0, kMaxMessage / 2), false);
  beyond += client_frame(Opcode::continuation, most.substr(0, kMaxMessage / 2), false);
  cases.push_back(
      closed("9.7", "one byte more in fragments", {beyond + client_frame(Opcode::continuation, "*")}, {1009}));
  std::string endless = client_frame(Opcode::text, "", false);
  for (int i = 0; i < 100; ++i) endless += client_frame(Opcode::continuation, std::string(1024, '*'), false);
  cases.push_back(closed("9.8", "fragments without end", {endless}, {1009}));
  return cases;
}

}  // namespace pulsegate::test
