// JsonScanner checks and copies strings in runs, in a way of its own. Here it is held against the library's plain way,
// one character at a time with its own check of UTF-8: both must accept the same texts and see the same values in them.
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "proto/json_scan.hpp"
#include "proto/limits.hpp"
#include "tests/unit/proto/json_recorder.hpp"

using namespace pulsegate::proto;
using test::Recorder;

namespace {

constexpr unsigned kPlainFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;

// The UTF-16 unit that the escape at this place stands for, 0 where there is none.
unsigned long unit_at(const std::string& text, std::size_t at) {
  if (text.compare(at, 2, "\\u") != 0) return 0;
  const std::string digits = text.substr(at + 2, 4);
  const bool hex = digits.size() == 4 && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  return hex ? std::stoul(digits, nullptr, 16) : 0;
}

// The library knows no lone surrogates; ours reads them as U+FFFD.
std::string without_lone_surrogates(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const unsigned long unit = unit_at(text, at);
    const unsigned long next = unit == 0 ? 0 : unit_at(text, std::min(at + 6, text.size()));
    const bool high = unit >= 0xD800 && unit < 0xDC00;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    const bool pair = high && next >= 0xDC00 && next < 0xE000;
    const std::size_t size = text[at] != '\\' ? 1 : pair ? 12 : high || low ? 6 : 2;
    out += (high || low) && !pair ? "\\uFFFD" : text.substr(at, size);
    at += size;
  }
  return out;
}

struct Reference {
  Recorder& seen;
  const rapidjson::MemoryStream& stream;
  std::size_t depth = 0;
  bool too_deep = false;

  bool Null() { return scalar(JsonKind::null, {}); }
  bool Bool(bool value) { return scalar(JsonKind::boolean, value ? "true" : "false"); }
  bool RawNumber(const char* text, unsigned size, bool) { return scalar(JsonKind::number, {text, size}); }
  bool String(const char* text, unsigned size, bool) { return scalar(JsonKind::string, {text, size}); }
  bool Key(const char* text, unsigned size, bool) {
    seen.key(depth, {text, size});
    return true;
  }
  bool StartObject() { return open(JsonKind::object); }
  bool EndObject(unsigned) { return close(JsonKind::object); }
  bool StartArray() { return open(JsonKind::array); }
  bool EndArray(unsigned) { return close(JsonKind::array); }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  bool scalar(JsonKind kind, std::string_view text) {
    seen.scalar(depth, kind, text);
    return true;
  }
  bool open(JsonKind kind) {
    too_deep = depth == limits::kMaxJsonDepth;
    if (!too_deep) seen.open(depth++, kind, stream.Tell());
    return !too_deep;
  }
  bool close(JsonKind kind) {
    seen.close(--depth, kind, stream.Tell() + 1);
    return true;
  }
};

JsonScan reference_scan(std::string_view text, Recorder& seen) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  Reference handler{seen, stream};
  rapidjson::Reader reader;
  const bool parsed = !reader.Parse<kPlainFlags>(stream, handler).IsError();
  if (handler.too_deep) return JsonScan::too_deep;
  return parsed && stream.Tell() == text.size() ? JsonScan::ok : JsonScan::malformed;
}

std::string hex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    char digits[8];
    std::snprintf(digits, sizeof digits, "%02x ", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += digits;
  }
  return out;
}

// Keeps one scanner, so that what an earlier text left behind would be found out.
class Comparison {
 public:
  void operator()(const std::string& text) {
    // A block of exactly this size, so that a memory checker sees a byte read too many.
    const std::vector<char> exact(text.begin(), text.end());
    const std::string_view view(exact.data(), exact.size());
    Recorder ours, theirs;
    const JsonScan found = scanner_.scan(view, ours);
    const JsonScan wanted = view.empty() ? JsonScan::malformed : reference_scan(without_lone_surrogates(text), theirs);
    if (found != wanted || (found == JsonScan::ok && ours.seen != theirs.seen))
      BOOST_TEST_ERROR("result " << static_cast<int>(found) << " instead of " << static_cast<int>(wanted) << ", saw '"
                                 << ours.seen << "' instead of '" << theirs.seen << "' in: " << hex(text));
    ++(found == JsonScan::ok ? accepted : rejected);
  }

  std::size_t accepted = 0, rejected = 0;

 private:
  JsonScanner scanner_;
};

const std::vector<std::string> kTexts = {
    R"({"deviceUuid":"00000001-0000-4000-8000-000000000000","metrics":{"cpu_usage":45.25,"memory_usage":"3221225472",)"
    R"("top_processes":[{"pid":812,"name":"node","cpu":12.5,"command":"/usr/bin/node /srv/agent/dist/index.js"}],)"
    R"("network_interfaces":[]},"timestamp":"2026-11-22T14:05:00.123Z"})",
    R"({"type":"alert","data":{"text":"say \"hello\"\n\tC:\\temp\/ \b\f\r","level":-1.5e-3,"on":true,"off":false,"none":null}})",
    "[\"\xc3\xa4\xc3\xb6\xc3\xbc plain \xe2\x82\xac plain "
    "\xf0\x9f\x98\x80\",\"\xe4\xb8\xad\xe6\x96\x87\",\"\xed\x9f\xbf\"]",
    R"(["\u00e4\u20ac\ud83d\ude00 after an escape that shifts the rest to the left","\u0000\u001f","\udbff\udfff"])",
    " [ 0 , -0 , 12.50 , 1E+05 , 18446744073709551616 , 0.1000 ] \r\n\t",
    "{\"\":{\"\\u0061\\\"key\":[[[[[\"x\"]]]]],\"\xc3\xa9\":{}}}",
    R"("a string as long as several registers, then an escape \\ and \u0041 and again a long run of plain text")",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

// Pieces that matter to a check of strings.
const std::vector<std::string> kPieces = {"\"",
                                          "\\",
                                          "\\\"",
                                          "\\u",
                                          "\\ud83d",
                                          "\\ude00",
                                          "\\ud83d\\ude00",
                                          "\\u0041",
                                          "\\x",
                                          "\n",
                                          "\x1f",
                                          "\x7f",
                                          std::string(1, '\0'),
                                          "\x80",
                                          "\xbf",
                                          "\xc3",
                                          "\xc3\xa4",
                                          "\xc0\x80",
                                          "\xe0\x80\x80",
                                          "\xe2\x82\xac",
                                          "\xed\xa0\x80",
                                          "\xef\xbb\xbf",
                                          "\xf0\x9f\x98\x80",
                                          "\xf0\x8f\xbf\xbf",
                                          "\xf4\x90\x80\x80",
                                          "\xf8",
                                          "\xff",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          "0",
                                          "-",
                                          ".",
                                          "e",
                                          "1e400",
                                          "null",
                                          "true",
                                          " ",
                                          "/*",
                                          "plain"};

}  // namespace

BOOST_AUTO_TEST_SUITE(JsonScannerAgreesWithTheLibrary)

BOOST_AUTO_TEST_CASE(on_whole_texts_and_on_every_beginning_of_them) {
  Comparison compare;
  for (const std::string& text : kTexts) {
    Recorder recorder;
    BOOST_TEST((JsonScanner().scan(text, recorder) == JsonScan::ok), text);
    for (std::size_t size = 0; size <= text.size(); ++size) compare(text.substr(0, size));
  }
  BOOST_TEST(compare.accepted >= kTexts.size());
}

BOOST_AUTO_TEST_CASE(on_every_pair_of_pieces_within_a_string) {
  Comparison compare;
  for (const std::string& a : kPieces) {
    for (const std::string& b : kPieces) {
      compare("\"" + a + b + "\"");
      compare("\"plain \\n" + a + "plain" + b + " plain\"");
      compare("{\"" + a + b + "\":1}");
      compare("[" + a + b + "]");
    }
  }
  BOOST_TEST(compare.accepted > 500u);
  BOOST_TEST(compare.rejected > 500u);
}

BOOST_AUTO_TEST_CASE(on_every_lead_byte_with_what_may_or_may_not_follow) {
  constexpr unsigned char kFollowing[] = {0x00, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
  Comparison compare;
  for (unsigned lead = 0; lead < 256; ++lead) {
    const std::string one = "\"" + std::string(1, static_cast<char>(lead));
    compare(one + "\"");
    for (const unsigned char second : kFollowing) {
      const std::string two = one + static_cast<char>(second);
      compare(two + "\"");
      if (lead < 0xe0) continue;
      for (const unsigned char third : kFollowing) {
        const std::string three = two + static_cast<char>(third);
        compare(three + "\"");
        for (const unsigned char fourth : kFollowing) compare(three + static_cast<char>(fourth) + "\"");
      }
    }
  }
  BOOST_TEST(compare.accepted > 100u);
}

BOOST_AUTO_TEST_CASE(on_texts_changed_at_random) {
  std::mt19937 random(20261123);
  const auto below = [&random](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  Comparison compare;
  for (int round = 0; round < 30'000; ++round) {
    std::string text = kTexts[below(kTexts.size())];
    for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        case 2:
          text.insert(at, kPieces[below(kPieces.size())]);
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), below(40)));
          break;
        default:
          if (below(4) == 0) text.resize(at);
      }
    }
    compare(text);
  }
  BOOST_TEST(compare.accepted > 1'000u);
  BOOST_TEST(compare.rejected > 1'000u);
}

BOOST_AUTO_TEST_SUITE_END()
