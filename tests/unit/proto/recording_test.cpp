// Lines of a recording: what is written comes back byte for byte, and what nobody wrote is told apart.
#include "proto/recording.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

#include "proto/base64.hpp"

using namespace pulsegate::proto;
using namespace std::string_literals;

namespace {

constexpr Timestamp kTime{std::chrono::microseconds(1'795'356'300'123'456)};

std::string encoded(std::string_view channel, std::string_view payload) {
  RecordingEncoder encoder;
  std::string line;
  encoder.event(line, kTime, channel, payload);
  BOOST_TEST(line.back() == '\n');
  BOOST_TEST(line.find('\n') == line.size() - 1);
  line.pop_back();
  return line;
}

void comes_back(const std::string& channel, const std::string& payload) {
  const std::string line = encoded(channel, payload);
  RecordingParser parser;
  const RecordingLine parsed = parser.parse(line);
  const auto* event = std::get_if<RecordedEvent>(&parsed);
  BOOST_REQUIRE_MESSAGE(event != nullptr, line);
  BOOST_TEST((event->time == kTime));
  BOOST_TEST(std::string(event->channel) == channel);
  BOOST_TEST(std::string(event->payload) == payload, line);
}

std::string fault(std::string_view line) {
  RecordingParser parser;
  const RecordingLine parsed = parser.parse(line);
  const auto* found = std::get_if<RecordingFault>(&parsed);
  return found == nullptr ? "none" : found->reason;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RecordingLines)

BOOST_AUTO_TEST_CASE(json_stands_verbatim_and_everything_else_as_base64) {
  BOOST_TEST(encoded("device:1:metrics", R"({"cpu": 1.50, "x":[] })") ==
             R"({"t":1795356300123456,"channel":"device:1:metrics","payload":{"cpu": 1.50, "x":[] }})");
  BOOST_TEST(encoded("c", "not json") == R"({"t":1795356300123456,"channel":"c","payload64":"bm90IGpzb24="})");
  for (const std::string& payload : {"{\"a\":\n1}"s, "{\"a\":\r1}"s, "\"\xff\""s, "1,\"x\":2"s, ""s, "{}{}"s, "\0"s})
    BOOST_TEST(encoded("c", payload).find("payload64") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(any_bytes_come_back_as_they_were) {
  std::vector<std::string> payloads = {
      "",    "5",       " 5 ",      "null",      "true", "\"a\\u00e9\\n\"", " {\"a\":1}\t",
      "[ ]", "\"\\/\"", "1.50e+03", "{\"a\":{}", "{}}",  "\xef\xbb\xbf{}",  "\"\x7f\""};
  payloads.push_back(std::string(31, '[') + std::string(31, ']'));
  payloads.push_back(std::string(32, '[') + std::string(32, ']'));  // as deep as a line may be
  payloads.push_back(R"({"t":1,"channel":"x","payload":{"payload":5}})");
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  payloads.push_back(every);
  for (const std::string& payload : payloads)
    for (const std::string& channel : {"device:1:metrics"s, "with \"quotes\" \\ and ,\"payload\":"s, "\xff\0x"s, ""s})
      comes_back(channel, payload);
}

BOOST_AUTO_TEST_CASE(random_bytes_come_back_as_they_were) {
  std::mt19937 random(7);
  const std::string alphabet = "{}[]\",:\\ \n0123456789tnaru.eE+-\x80\xc3\xa9";
  for (int round = 0; round < 20'000; ++round) {
    std::string payload(random() % 12, ' ');
    for (char& each : payload) each = alphabet[random() % alphabet.size()];
    comes_back("c", payload);
  }
}

BOOST_AUTO_TEST_CASE(lines_that_people_have_edited_are_read_too) {
  RecordingParser parser;
  const auto payload = [&](std::string_view line) {
    const RecordingLine parsed = parser.parse(line);
    const auto* event = std::get_if<RecordedEvent>(&parsed);
    return event == nullptr ? std::string("none") : std::string(event->payload);
  };
  BOOST_TEST(payload(R"({ "payload" : {"a": 1} , "t": 5, "channel": "c", "note": "mine" })") == R"({"a": 1})");
  BOOST_TEST(payload(R"({"payload":[1, 2],"t":5,"channel":"c"})") == "[1, 2]");
  BOOST_TEST(payload(R"({"payload":"a\u0041","t":5,"channel":"c"})") == R"("aA")");
  BOOST_TEST(payload(R"({"payload":1.50,"t":5,"channel":"c"})") == "1.50");
  BOOST_TEST(payload(R"({"payload":null,"t":5,"channel":"c"})") == "null");
  BOOST_TEST(payload(R"({"t":5,"payload":{},"channel":",\"payload\":"})") == "{}");
}

BOOST_AUTO_TEST_CASE(losses_and_headers_come_back) {
  RecordingEncoder encoder;
  RecordingParser parser;
  std::string line;
  encoder.loss(line, {kTime, kTime - std::chrono::seconds(4), "bus", 0});
  BOOST_TEST(line == "{\"t\":1795356300123456,\"lost\":{\"from\":1795356296123456,\"reason\":\"bus\"}}\n");
  line.clear();
  encoder.loss(line, {kTime, kTime, "queue", 17});
  line.pop_back();
  const RecordingLine parsed_loss = parser.parse(line);
  const auto& loss = std::get<RecordedLoss>(parsed_loss);
  BOOST_TEST((loss.time == kTime));
  BOOST_TEST((loss.from == kTime));
  BOOST_TEST(loss.reason == "queue");
  BOOST_TEST(loss.events == 17u);
  line.clear();
  encoder.header(line, {kRecordingVersion, "2026-11-22T14:05:00.123Z", "redis://h:1/0"});
  line.pop_back();
  const RecordingLine parsed_header = parser.parse(line);
  const auto& header = std::get<RecordingHeader>(parsed_header);
  BOOST_TEST(header.version == kRecordingVersion);
  BOOST_TEST(header.created == "2026-11-22T14:05:00.123Z");
  BOOST_TEST(header.source == "redis://h:1/0");
  const RecordingLine future = parser.parse(R"({"pulsegate-recording":7,"created":"x","codec":{"a":1}})");
  BOOST_TEST(std::get<RecordingHeader>(future).version == 7);
}

BOOST_AUTO_TEST_CASE(what_is_no_line_of_a_recording_says_why) {
  BOOST_TEST(fault("") == "is not valid JSON");
  BOOST_TEST(fault(R"({"t":5,"channel":"c","payload":{"a":1})") == "is not valid JSON");
  BOOST_TEST(fault("[1]") == "is not an object");
  BOOST_TEST(fault(R"({"from":"later"})") == "is of a kind that is not known");
  BOOST_TEST(fault(std::string(40, '[')) == "is nested too deep");
  const std::string no_time = "has no time \"t\" in microseconds since 1970";
  for (const char* line : {R"({"channel":"c","payload":1})", R"({"t":"5","channel":"c","payload":1})",
                           R"({"t":-1,"channel":"c","payload":1})", R"({"t":1.5,"channel":"c","payload":1})",
                           R"({"t":99999999999999999999,"channel":"c","payload":1})",
                           R"({"t":253402300800000000,"channel":"c","payload":1})"})
    BOOST_TEST(fault(line) == no_time, line);
  BOOST_TEST(fault(R"({"t":5,"payload":1})") == "has no \"channel\"");
  BOOST_TEST(fault(R"({"t":5,"channel":{},"payload":1})") == "has no \"channel\"");
  BOOST_TEST(fault(R"({"t":5,"channel":"c"})") == "needs either \"payload\" or \"payload64\"");
  BOOST_TEST(fault(R"({"t":5,"channel":"c","payload":1,"payload64":""})") ==
             "needs either \"payload\" or \"payload64\"");
  for (const char* text : {"A", "AAA", "====", "AB==", "AA=A", " AAA", "AA\\n=", "AA*="})
    BOOST_TEST(
        fault(R"({"t":5,"channel":"c","payload64":")"s + text + "\"}") == "has a \"payload64\" that is no base64",
        text);
  BOOST_TEST(fault(R"({"t":5,"channel64":"*","payload":1})") == "has a \"channel64\" that is no base64");
  BOOST_TEST(fault(R"({"t":5,"lost":{"reason":"bus"}})") == "says that something was lost, but not since when");
  BOOST_TEST(fault(R"({"t":5,"lost":7})") == "says that something was lost, but not since when");
  BOOST_TEST(fault(R"({"pulsegate-recording":"x"})") == "has a version that is none");
}

BOOST_AUTO_TEST_CASE(a_line_cut_anywhere_or_with_a_flipped_bit_is_never_taken_for_another_time_or_channel_unnoticed) {
  const std::string line = encoded("device:1:metrics", R"({"deviceUuid":"1","metrics":{"cpu_usage":12.5}})");
  for (std::size_t size = 0; size < line.size(); ++size) BOOST_TEST(fault(line.substr(0, size)) == "is not valid JSON");
  RecordingParser parser;
  for (std::size_t at = 0; at < line.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = line;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      parser.parse(flipped);  // some are valid lines, of other values; none may do harm
    }
}

BOOST_AUTO_TEST_CASE(base64_of_long_texts) {
  for (const std::size_t size : {0u, 1u, 2u, 3u, 3u * 1024 * 1024, 3u * 1024 * 1024 + 1, 7u * 1024 * 1024 + 2}) {
    const std::string bytes(size, '\xa5');
    std::string text, back = "before ";
    append_base64(text, bytes);
    BOOST_TEST(text.size() == (size + 2) / 3 * 4);
    BOOST_TEST(decode_base64(back, text));
    BOOST_TEST((back == "before " + bytes));
  }
}

BOOST_AUTO_TEST_SUITE_END()
