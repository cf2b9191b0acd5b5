// RespReader: the same replies however the bytes are cut, bounded memory, and no trust in what a header declares.
#include "bus/resp_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/bus/resp_text.hpp"

using namespace pulsegate::bus;
using namespace pulsegate::bus::test;
using Outcome = RespReader::Outcome;

namespace {

constexpr std::size_t kCap = 1000;

std::vector<Record> read_all(const std::string& bytes, std::size_t piece, std::size_t cap = kCap) {
  RespReader reader(cap);
  Recorder recorder;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto outcome = reader.feed(std::string_view(bytes).substr(at, piece), recorder);
    BOOST_REQUIRE_MESSAGE(outcome == Outcome::ok, reader.error());
  }
  BOOST_TEST(reader.buffered() == 0u);
  return recorder.records;
}

void check_same(const std::vector<Record>& got, const std::vector<Record>& expected) {
  BOOST_REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) BOOST_TEST((got[i] == expected[i]), "reply " << i);
}

// Fails, and stays failed.
std::string error_of(const std::string& bytes) {
  RespReader reader(kCap);
  Recorder recorder;
  BOOST_TEST((reader.feed(bytes, recorder) == Outcome::failed), bytes.substr(0, 60));
  BOOST_TEST((reader.feed("+PONG\r\n", recorder) == Outcome::failed));
  BOOST_TEST(recorder.records.empty());
  return reader.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RespReaderTest)

BOOST_AUTO_TEST_CASE(every_kind_of_reply_is_told_apart_whatever_the_pieces) {
  const std::string bytes = message("device:1:metrics", "{\"a\":1}") + confirmation("subscribe", "t", 7) +
                            confirmation("unsubscribe", "t", 6) + array({bulk("pong"), bulk("")}) + "+PONG\r\n" +
                            "+OK\r\n" + "-NOAUTH Authentication required.\r\n" + ":5\r\n" + "$-1\r\n" + bulk("hello") +
                            message("", "") + message("t", std::string("a\0\r\nb", 5)) +
                            array({bulk("smessage"), bulk("s"), bulk("x")}) +
                            array({bulk("pmessage"), bulk("d*"), bulk("dt"), bulk("y")}) +
                            array({bulk("unsubscribe"), "$-1\r\n", ":0\r\n"}) + confirmation("ssubscribe", "s", 1);
  const std::vector<Record> expected{
      {ReplyKind::message, "device:1:metrics", "{\"a\":1}", 0},
      {ReplyKind::subscribed, "t", "", 7},
      {ReplyKind::unsubscribed, "t", "", 6},
      {ReplyKind::pong, "", "", 0},
      {ReplyKind::pong, "", "PONG", 0},
      {ReplyKind::status, "", "OK", 0},
      {ReplyKind::error, "", "NOAUTH Authentication required.", 0},
      {ReplyKind::other, "", "", 0},
      {ReplyKind::other, "", "", 0},
      {ReplyKind::other, "", "", 0},
      {ReplyKind::message, "", "", 0},
      {ReplyKind::message, "t", std::string("a\0\r\nb", 5), 0},
      {ReplyKind::message, "s", "x", 0},
      {ReplyKind::message, "dt", "y", 0},
      {ReplyKind::unsubscribed, "", "", 0},
      {ReplyKind::subscribed, "s", "", 1},
  };
  for (std::size_t piece = 1; piece <= 40; ++piece) check_same(read_all(bytes, piece), expected);
  check_same(read_all(bytes, bytes.size()), expected);
}

BOOST_AUTO_TEST_CASE(nothing_is_yielded_before_the_last_byte) {
  RespReader reader(kCap);
  Recorder recorder;
  const std::string bytes = message("topic", "payload");
  for (const char byte : bytes) {
    BOOST_TEST(recorder.records.empty());
    BOOST_REQUIRE((reader.feed({&byte, 1}, recorder) == Outcome::ok));
  }
  BOOST_TEST(recorder.records.size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_read_of_many_messages_keeps_their_order) {
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) bytes += message("t" + std::to_string(i % 7), std::to_string(i));
  const auto records = read_all(bytes, 1024 * 1024);
  BOOST_REQUIRE(records.size() == 20'000u);
  for (int i = 0; i < 20'000; ++i) BOOST_REQUIRE(records[static_cast<std::size_t>(i)].text == std::to_string(i));
}

BOOST_AUTO_TEST_CASE(unknown_and_nested_replies_are_passed_over) {
  const std::string nested = array({array({bulk("message"), bulk("t"), bulk("p")}), ":1\r\n", array({array({})})});
  const std::string odd = array({bulk("message"), bulk("t")}) +
                          array({bulk("message"), bulk("t"), bulk("p"), bulk("q")}) +
                          array({":1\r\n", ":2\r\n", ":3\r\n"}) + "*0\r\n" + "*-1\r\n" +
                          array({bulk("message"), array({bulk("x")}), bulk("p")}) +
                          array({bulk("a"), bulk("b"), bulk("c"), bulk("d"), bulk("e"), bulk("f")});
  const auto records = read_all(nested + odd + "+OK\r\n", 1);
  BOOST_REQUIRE(records.size() == 9u);
  for (std::size_t i = 0; i < 8; ++i) {
    if (i != 6) BOOST_TEST((records[i].kind == ReplyKind::other), "reply " << i);
  }
  // A channel that is an array cannot come from Redis; it reads as an empty topic, which nobody has subscribed to.
  BOOST_TEST((records[6] == Record{ReplyKind::message, "", "p", 0}));
  BOOST_TEST(records[8].text == "OK");
}

BOOST_AUTO_TEST_CASE(text_of_one_reply_does_not_leak_into_the_next) {
  const auto records = read_all(message("topic", "payload") + array({bulk("message"), "$-1\r\n", "$-1\r\n"}) +
                                    array({bulk("subscribe"), "$-1\r\n", "$-1\r\n"}) + message("", "x"),
                                5);
  BOOST_REQUIRE(records.size() == 4u);
  BOOST_TEST((records[1] == Record{ReplyKind::message, "", "", 0}));
  BOOST_TEST((records[2] == Record{ReplyKind::subscribed, "", "", 0}));
  BOOST_TEST((records[3] == Record{ReplyKind::message, "", "x", 0}));
}

BOOST_AUTO_TEST_CASE(garbage_is_an_error_with_a_reason) {
  BOOST_TEST(error_of("HTTP/1.1 400 Bad Request\r\n").find("\"H\"") != std::string::npos);
  error_of(std::string("\x15\x03\x01\x00\x02", 5));  // a TLS alert
  error_of("*x\r\n");
  error_of("$x\r\n");
  error_of("*-2\r\n");
  error_of("$-2\r\n");
  error_of("*99999999999999999999\r\n");
  error_of("$99999999999999999999\r\n");
  error_of(">2\r\n");  // RESP3 was never asked for
  error_of("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
}

BOOST_AUTO_TEST_CASE(replies_before_garbage_are_delivered) {
  RespReader reader(kCap);
  Recorder recorder;
  BOOST_TEST((reader.feed(message("t", "p") + "!", recorder) == Outcome::failed));
  BOOST_TEST(recorder.records.size() == 1u);
}

BOOST_AUTO_TEST_CASE(declared_array_size_reserves_nothing_and_endless_arrays_end) {
  RespReader reader(kCap);
  Recorder recorder;
  BOOST_REQUIRE((reader.feed("*2147483647\r\n", recorder) == Outcome::ok));
  std::string zeros;
  for (int i = 0; i < 1000; ++i) zeros += ":0\r\n";
  std::size_t fed = 0;
  while (reader.feed(zeros, recorder) == Outcome::ok) {
    fed += zeros.size();
    BOOST_REQUIRE(fed < 2 * (kCap + RespReader::kSlack));
  }
  BOOST_TEST(recorder.records.empty());
}

BOOST_AUTO_TEST_CASE(line_without_end_is_bounded) {
  RespReader reader(kCap);
  Recorder recorder;
  const std::string piece(4096, 'a');
  BOOST_REQUIRE((reader.feed("+", recorder) == Outcome::ok));
  std::size_t fed = 0;
  while (reader.feed(piece, recorder) == Outcome::ok) {
    fed += piece.size();
    BOOST_REQUIRE(fed < 2 * (kCap + RespReader::kSlack));
  }
  BOOST_TEST(reader.buffered() <= kCap + RespReader::kSlack + RespReader::kSlice);
}

BOOST_AUTO_TEST_CASE(huge_bulk_outside_of_a_message_is_bounded) {
  for (const std::string& head : {std::string("$500000000\r\n"), "*3\r\n" + bulk("message") + "$500000000\r\n",
                                  "*3\r\n" + bulk("strange") + bulk("t") + "$500000000\r\n"}) {
    RespReader reader(kCap);
    Recorder recorder;
    const auto first = reader.feed(head, recorder);
    BOOST_TEST((first == Outcome::ok));
    BOOST_TEST((reader.feed(std::string(200'000, 'x'), recorder) == Outcome::failed));
    BOOST_TEST(reader.buffered() <= kCap + RespReader::kSlack + RespReader::kSlice);
  }
}

BOOST_AUTO_TEST_CASE(payload_of_exactly_the_cap_passes_and_one_more_byte_does_not) {
  for (const std::size_t cap : {std::size_t{10}, std::size_t{1000}, std::size_t{40'000}, std::size_t{262'144}}) {
    const std::string bytes =
        message("t", std::string(cap, 'x')) + message("t", std::string(cap + 1, 'y')) + message("t", "z");
    for (const std::size_t piece : {std::size_t{777}, std::size_t{16 * 1024}, bytes.size()}) {
      const auto records = read_all(bytes, piece, cap);
      BOOST_REQUIRE(records.size() == 3u);
      BOOST_TEST((records[0] == Record{ReplyKind::message, "t", std::string(cap, 'x'), 0}));
      BOOST_TEST((records[1] == Record{ReplyKind::oversized, "t", "", static_cast<std::int64_t>(cap + 1)}));
      BOOST_TEST((records[2] == Record{ReplyKind::message, "t", "z", 0}));
    }
  }
}

BOOST_AUTO_TEST_CASE(oversized_payload_is_skipped_at_every_cut) {
  // The payload looks like RESP, so a reader that lost count would see replies in it.
  std::string payload;
  while (payload.size() < 3 * kCap) payload += message("fake", "fake");
  const std::string bytes = message("a", "1") + message("big", payload) + message("b", "2") +
                            array({bulk("pmessage"), bulk("*"), bulk("big"), bulk(payload)}) + message("c", "3");
  const auto size = static_cast<std::int64_t>(payload.size());
  const std::vector<Record> expected{{ReplyKind::message, "a", "1", 0},
                                     {ReplyKind::oversized, "big", "", size},
                                     {ReplyKind::message, "b", "2", 0},
                                     {ReplyKind::oversized, "big", "", size},
                                     {ReplyKind::message, "c", "3", 0}};
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    RespReader reader(kCap);
    Recorder recorder;
    BOOST_REQUIRE((reader.feed(std::string_view(bytes).substr(0, cut), recorder) == Outcome::ok));
    BOOST_REQUIRE((reader.feed(std::string_view(bytes).substr(cut), recorder) == Outcome::ok));
    BOOST_REQUIRE(recorder.records.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) BOOST_REQUIRE((recorder.records[i] == expected[i]));
  }
}

BOOST_AUTO_TEST_CASE(skipping_holds_no_memory) {
  RespReader reader(kCap);
  Recorder recorder;
  BOOST_REQUIRE((reader.feed("*3\r\n" + bulk("message") + bulk("t") + "$104857600\r\n", recorder) == Outcome::ok));
  BOOST_TEST(recorder.records.size() == 1u);  // counted as soon as it is known
  const std::string piece(1024 * 1024, 'x');
  for (int i = 0; i < 100; ++i) {
    BOOST_REQUIRE((reader.feed(piece, recorder) == Outcome::ok));
    BOOST_TEST(reader.buffered() == 0u);
  }
  BOOST_REQUIRE((reader.feed("\r\n+OK\r\n", recorder) == Outcome::ok));
  BOOST_REQUIRE(recorder.records.size() == 2u);
  BOOST_TEST(recorder.records[1].text == "OK");
}

BOOST_AUTO_TEST_CASE(absurd_payload_size_is_an_error) {
  BOOST_TEST(error_of("*3\r\n" + bulk("message") + bulk("t") + "$9223372036854775807\r\n").find("declares") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(handler_that_refuses_ends_the_feed) {
  for (const std::size_t payload : {std::size_t{1}, 2 * kCap, 40 * kCap}) {
    RespReader reader(kCap);
    Recorder recorder;
    recorder.stop_after = 2;
    const std::string bytes = message("t", "1") + message("t", std::string(payload, 'x')) + message("t", "3");
    BOOST_TEST((reader.feed(bytes, recorder) == Outcome::stopped));
    BOOST_TEST(recorder.records.size() == 2u);
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_never_break_a_bound) {
  std::mt19937 random(7);
  const std::string alphabet = "*$:+-0123456789\r\nmessage";
  for (int round = 0; round < 3000; ++round) {
    // Valid text with a few bytes replaced reaches deeper than noise.
    std::string bytes = message("topic", "payload") + confirmation("subscribe", "t", 1) + array({array({bulk("x")})});
    for (int change = 0; change < 3; ++change) bytes[random() % bytes.size()] = alphabet[random() % alphabet.size()];
    RespReader reader(kCap);
    Recorder recorder;
    const std::size_t piece = 1 + random() % 20;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      if (reader.feed(std::string_view(bytes).substr(at, piece), recorder) != Outcome::ok) break;
    }
    BOOST_REQUIRE(reader.buffered() <= bytes.size());
  }
}

BOOST_AUTO_TEST_SUITE_END()
