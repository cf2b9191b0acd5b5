// Sections 6 and 7: UTF-8 (from the definition in RFC 3629, not from a library), and closing.
#include "tests/conformance/rfc6455/case.hpp"

namespace pulsegate::test {
namespace {

// RFC 3629, section 3. Encodes what may not be encoded, too: surrogates, and what lies beyond U+10FFFF.
std::string utf8(std::uint32_t code) {
  const auto last = [code](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0 | (code >> 6)), last(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0 | (code >> 12)), last(6), last(0)};
  return {static_cast<char>(0xf0 | (code >> 18)), last(12), last(6), last(0)};
}

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ' ';
    out.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return out;
}

const std::string kGreek = utf8(0x3ba) + utf8(0x1f79) + utf8(0x3c3) + utf8(0x3bc) + utf8(0x3b5);

// Each sequence in a text of its own, alone and between letters.
class Utf8Cases {
 public:
  void section(const std::string& number) {
    section_ = number;
    next_ = 0;
  }
  void valid(const std::string& name, const std::vector<std::string>& writes, const std::string& text) {
    Case one = make(name, writes);
    one.echoes = {{Opcode::text, text}};
    cases.push_back(one);
  }
  void invalid(const std::string& name, const std::vector<std::string>& writes) {
    Case one = make(name, writes);
    one.codes = {1007};
    cases.push_back(one);
  }
  void valid_text(const std::string& name, const std::string& text) {
    valid(name, {client_frame(Opcode::text, text)}, text);
    valid(name + ", between letters", {client_frame(Opcode::text, "a" + text + "b")}, "a" + text + "b");
  }
  void invalid_text(const std::string& name, const std::string& text) {
    invalid(name + " (" + hex(text) + ")", {client_frame(Opcode::text, text)});
    invalid(name + ", between letters", {client_frame(Opcode::text, "a" + text + "b")});
  }

  std::vector<Case> cases;

 private:
  Case make(const std::string& name, const std::vector<std::string>& writes) {
    Case one;
    one.id = section_ + '.' + std::to_string(++next_);
    one.name = name;
    one.writes = writes;
    return one;
  }

  std::string section_;
  int next_ = 0;
};

std::string in_fragments(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes += client_frame(i == 0 ? Opcode::text : Opcode::continuation, text.substr(i, 1), i + 1 == text.size());
  return bytes;
}

void add_valid(Utf8Cases& out) {
  const std::string text = "Hello-" + utf8(0xb5) + "@" + utf8(0xdf) + kGreek + utf8(0x1f600) + "-UTF-8!!";
  out.section("6.1");
  out.valid("no text at all", {client_frame(Opcode::text, "")}, "");
  out.valid("text of many alphabets", {client_frame(Opcode::text, text)}, text);
  out.valid("characters cut by fragments of one byte", {in_fragments(text)}, text);
  out.valid("characters cut by writes of one byte", in_bytes(client_frame(Opcode::text, text)), text);
  out.valid("a character cut by two fragments with a ping between them",
            {client_frame(Opcode::text, text.substr(0, 7), false) + client_frame(Opcode::pong, "") +
             client_frame(Opcode::continuation, text.substr(7))},
            text);
  out.section("6.2");
  for (const std::uint32_t code :
       {0x0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xfffu, 0x1000u, 0xcfffu, 0xd000u, 0xd7ffu, 0xe000u, 0xfffdu, 0xffffu,
        0x10000u, 0x3ffffu, 0x40000u, 0xfffffu, 0x100000u, 0x10ffffu})
    out.valid_text("the boundary " + hex(utf8(code)), utf8(code));
  // Noncharacters are no errors (Unicode, corrigendum 9).
  for (std::uint32_t plane = 0; plane <= 0x10; ++plane)
    for (const std::uint32_t end : {0xfffeu, 0xffffu})
      out.valid("the noncharacter " + hex(utf8(plane << 16 | end)),
                {client_frame(Opcode::text, utf8(plane << 16 | end))}, utf8(plane << 16 | end));
  out.valid_text("a byte order mark", utf8(0xfeff));
}

void add_broken(Utf8Cases& out) {
  out.section("6.3");
  out.invalid("a surrogate after good text", {client_frame(Opcode::text, kGreek + utf8(0xd800) + "edited")});
  out.invalid("the same in fragments of one byte", {in_fragments(kGreek + utf8(0xd800) + "edited")});
  out.invalid("the same in writes of one byte", in_bytes(client_frame(Opcode::text, kGreek + utf8(0xd800) + "edited")));

  // Refused before the message is complete: nothing more is sent.
  out.section("6.4");
  out.invalid("a bad fragment is not waited beyond", {client_frame(Opcode::text, kGreek, false) +
                                                      client_frame(Opcode::continuation, "\xf4\x90\x80\x80", false)});
  out.invalid("a bad byte within a frame is not waited beyond",
              {frame_with_length(Opcode::text, 100, 0, kGreek + "\xf4\x90\x80\x80")});
  out.invalid("an end within a character", {client_frame(Opcode::text, kGreek + "\xe2\x82")});
  out.invalid("an end within a character, in fragments",
              {client_frame(Opcode::text, kGreek + "\xe2", false) + client_frame(Opcode::continuation, "\x82")});

  out.section("6.5");
  for (const std::uint32_t code : {0x80u, 0x7ffu, 0x800u, 0xffffu, 0x10000u, 0x10ffffu}) {
    const std::string whole = utf8(code);
    for (std::size_t size = 1; size < whole.size(); ++size)
      out.invalid_text("a character without its end", whole.substr(0, size));
  }
  out.section("6.6");
  for (const char* text : {"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf"})
    out.invalid_text("continuation bytes of nothing", text);
  for (int byte = 0xc0; byte <= 0xff; ++byte)
    out.invalid("the lead byte " + hex(std::string(1, static_cast<char>(byte))) + " and a space",
                {client_frame(Opcode::text, std::string(1, static_cast<char>(byte)) + ' ')});

  out.section("6.7");
  using namespace std::string_literals;
  for (const std::string& text :
       {"\xc0\xaf"s, "\xe0\x80\xaf"s, "\xf0\x80\x80\xaf"s, "\xf8\x80\x80\x80\xaf"s, "\xfc\x80\x80\x80\x80\xaf"s,
        "\xc0\x80"s, "\xe0\x80\x80"s, "\xf0\x80\x80\x80"s, "\xc1\xbf"s, "\xe0\x9f\xbf"s, "\xf0\x8f\xbf\xbf"s,
        "\xf8\x87\xbf\xbf\xbf"s, "\xfc\x83\xbf\xbf\xbf\xbf"s})
    out.invalid_text("a character in more bytes than it takes", text);

  out.section("6.8");
  for (const std::uint32_t code : {0xd800u, 0xdb7fu, 0xdb80u, 0xdbffu, 0xdc00u, 0xdf80u, 0xdfffu})
    out.invalid_text("a surrogate", utf8(code));
  for (const std::uint32_t high : {0xd800u, 0xdb7fu, 0xdbffu})
    for (const std::uint32_t low : {0xdc00u, 0xdfffu}) out.invalid_text("a pair of surrogates", utf8(high) + utf8(low));

  out.section("6.9");
  for (const std::uint32_t code : {0x110000u, 0x13ffffu, 0x140000u, 0x1fffffu})
    out.invalid_text("beyond the last character", utf8(code));
  for (const std::string& text : {"\xf8\x88\x80\x80\x80"s, "\xfb\xbf\xbf\xbf\xbf"s, "\xfc\x84\x80\x80\x80\x80"s,
                                  "\xfd\xbf\xbf\xbf\xbf\xbf"s, "\xfe"s, "\xff"s, "\xfe\xfe\xff\xff"s})
    out.invalid_text("what is no UTF-8 at all", text);
}

Case closing(const std::string& id, const std::string& name, const std::string& bytes,
             std::vector<std::uint16_t> codes) {
  Case one;
  one.id = id;
  one.name = name;
  one.writes = {bytes};
  one.codes = std::move(codes);
  return one;
}

}  // namespace

std::vector<Case> utf8_cases() {
  Utf8Cases out;
  add_valid(out);
  add_broken(out);
  return std::move(out.cases);
}

std::vector<Case> close_cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& id, const std::string& name, const std::string& bytes,
                       std::vector<std::uint16_t> codes) {
    cases.push_back(closing(id, name, bytes, std::move(codes)));
  };
  const std::string close = close_frame(1000);
  add("7.1.1", "a message, then a close", client_frame(Opcode::text, "Hello") + close, {1000});
  add("7.1.2", "two closes", close + close, {1000});
  add("7.1.3", "a ping after a close", close + client_frame(Opcode::ping, "late"), {1000});
  add("7.1.4", "text after a close", close + client_frame(Opcode::text, "late"), {1000});
  // There is nothing to answer to that, but it ends.
  add("7.1.5", "what is no frame after a close", close + std::string(200, '\xff'), {1000, 1006});
  add("7.3.1", "a close without a code", client_frame(Opcode::close, ""), {1005, 1000});
  add("7.3.2", "a close of one byte", client_frame(Opcode::close, "\x03"), {1002});
  add("7.3.3", "a close with a code only", close, {1000});
  add("7.3.4", "a close with a reason", close_frame(1000, "Hello World!"), {1000});
  add("7.3.5", "the longest reason", close_frame(1000, std::string(123, '*')), {1000});
  add("7.3.6", "a reason that is too long", close_frame(1000, std::string(124, '*')), {1002});
  add("7.5.1", "a reason that is no UTF-8", close_frame(1000, kGreek + utf8(0xd800)), {1007, 1002});
  add("7.5.2", "a reason that ends within a character", close_frame(1000, "\xe2\x82"), {1007, 1002});
  std::size_t number = 0;
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999})
    add("7.7." + std::to_string(++number), "the code " + std::to_string(code),
        close_frame(static_cast<std::uint16_t>(code)), {static_cast<std::uint16_t>(code)});
  number = 0;
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535})
    add("7.9." + std::to_string(++number), "the code " + std::to_string(code) + ", which nobody may send",
        close_frame(static_cast<std::uint16_t>(code)), {1002});
  return cases;
}

}  // namespace pulsegate::test
