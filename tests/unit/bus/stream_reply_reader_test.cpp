// StreamReplyReader: the same entries however the bytes are cut, bounded memory, and no trust in shapes.
#include "bus/stream_reply_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/bus/resp_text.hpp"

using namespace pulsegate;
using namespace pulsegate::bus;
using namespace pulsegate::bus::test;
using Outcome = ReplyReader::Outcome;

namespace {

StreamReplyLimits limits() {
  StreamReplyLimits small;
  small.max_payload = 100;
  small.max_reply = 20'000;
  small.max_entries = 50;
  return small;
}

// Keeps what each reply held as text: "range 2/3: time added data; …".
class Texts final : public ReplyHandler {
 public:
  bool on_reply(const Reply& reply) override {
    std::string text;
    switch (reply.kind) {
      case ReplyKind::range:
        text = "range " + std::to_string(reply.range->returned) + "-" + std::to_string(reply.range->oversized);
        for (const StreamEntry& entry : reply.range->entries) {
          text += "; ";
          text += std::to_string(entry.time.time_since_epoch().count()) + " ";
          text += std::to_string(entry.added.time_since_epoch().count()) + " " + entry.data;
        }
        break;
      case ReplyKind::integer:
        text = "integer " + std::to_string(reply.number);
        break;
      case ReplyKind::error:
        text = "error " + std::string(reply.text);
        break;
      case ReplyKind::status:
        text = "status " + std::string(reply.text);
        break;
      case ReplyKind::pong:
        text = "pong";
        break;
      default:
        text = "other";
    }
    texts.push_back(std::move(text));
    return texts.size() != stop_after;
  }

  std::vector<std::string> texts;
  std::size_t stop_after = 0;  // 0: never
};

std::vector<std::string> read_all(const std::string& bytes, std::size_t piece = 1 << 20) {
  StreamReplyReader reader(limits());
  Texts texts;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto outcome = reader.feed(std::string_view(bytes).substr(at, piece), texts);
    BOOST_REQUIRE_MESSAGE(outcome == Outcome::ok, reader.error());
  }
  return texts.texts;
}

std::string read_one(const std::string& bytes) {
  const auto texts = read_all(bytes);
  BOOST_REQUIRE(texts.size() == 1u);
  return texts[0];
}

// Fails, and stays failed.
std::string error_of(const std::string& bytes) {
  StreamReplyReader reader(limits());
  Texts texts;
  BOOST_TEST((reader.feed(bytes, texts) == Outcome::failed), bytes.substr(0, 60));
  BOOST_TEST((reader.feed("+PONG\r\n", texts) == Outcome::failed));
  BOOST_TEST(texts.texts.empty());
  return reader.error();
}

std::string entry(const std::string& id, std::initializer_list<std::string> fields) {
  return array({bulk(id), array(fields)});
}

std::string sample(const std::string& id, const std::string& data) {
  return entry(id, {bulk("timestamp"), bulk("1970-01-01T00:00:01Z"), bulk("data"), bulk(data)});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(StreamReplyReaderTest)

BOOST_AUTO_TEST_CASE(every_reply_is_told_apart_whatever_the_pieces) {
  const std::string bytes = ":1\r\n" + array({sample("2000-0", "{}"), sample("2000-1", std::string("a\0\r\n", 4))}) +
                            "+PONG\r\n+OK\r\n-NOPERM no\r\n:0\r\n*0\r\n$-1\r\n" + bulk("text");
  const std::vector<std::string> expected{"integer 1",
                                          "range 2-0; 1000000 2000000 {}; 1000000 2000000 " + std::string("a\0\r\n", 4),
                                          "pong",
                                          "status OK",
                                          "error NOPERM no",
                                          "integer 0",
                                          "range 0-0",
                                          "other",
                                          "other"};
  for (std::size_t piece = 1; piece <= 40; ++piece)
    BOOST_TEST(read_all(bytes, piece) == expected, boost::test_tools::per_element());
  BOOST_TEST(read_all(bytes) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(time_comes_from_the_entry_or_else_from_its_id) {
  const auto with = [](const std::string& timestamp) {
    return read_one(array({entry("5-7", {bulk("timestamp"), bulk(timestamp), bulk("data"), bulk("x")})}));
  };
  BOOST_TEST(with("1970-01-01T00:00:02.000003Z") == "range 1-0; 2000003 5000 x");
  for (const char* unreadable : {"", "now", "1970-01-01", "2", "1969-12-31T23:59:59Z"})
    BOOST_TEST(with(unreadable) == "range 1-0; 5000 5000 x", unreadable);
  BOOST_TEST(read_one(array({entry("5-7", {bulk("data"), bulk("x")})})) == "range 1-0; 5000 5000 x");
}

BOOST_AUTO_TEST_CASE(id_of_a_distant_future_is_the_last_time_that_can_be_printed) {
  BOOST_TEST(read_one(array({entry("18446744073709551615-18446744073709551615", {})})) ==
             "range 1-0; 253402300799999000 253402300799999000 ");
}

BOOST_AUTO_TEST_CASE(entry_without_data_has_none) {
  for (const std::string& fields : {array({}), std::string("*-1\r\n"), array({bulk("other"), bulk("x")}),
                                    array({bulk("data")}), array({bulk("data"), ":5\r\n"})})
    BOOST_TEST(read_one(array({array({bulk("1-0"), fields})})) == "range 1-0; 1000 1000 ", fields);
}

BOOST_AUTO_TEST_CASE(other_fields_may_be_anything_and_the_last_of_a_name_counts) {
  BOOST_TEST(read_one(array({entry(
                 "1-0", {bulk("data"), bulk("old"), ":7\r\n", bulk("data"), bulk("x"), array({bulk("data"), bulk("y")}),
                         array({bulk("data")}), bulk("z"), "$-1\r\n", bulk("w"), bulk("Data"), bulk("v"), bulk("data"),
                         bulk("new"), bulk("seq"), ":5\r\n", bulk("odd")})})) == "range 1-0; 1000 1000 new");
  // A name does not lend itself to the entry that follows.
  BOOST_TEST(read_one(array({entry("1-0", {bulk("data")}), entry("2-0", {bulk("x"), bulk("y")})})) ==
             "range 2-0; 1000 1000 ; 2000 2000 ");
}

BOOST_AUTO_TEST_CASE(oversized_data_is_left_out_and_counted) {
  const std::string most(100, 'm');
  BOOST_TEST(read_one(array({sample("1-0", most), sample("2-0", most + "x"), sample("3-0", "s")})) ==
             "range 3-1; 1000000 1000 " + most + "; 1000000 3000 s");
  // A long value of another field is nobody's.
  BOOST_TEST(read_one(array({entry("1-0", {bulk("note"), bulk(most + most), bulk("data"), bulk("s")})})) ==
             "range 1-0; 1000 1000 s");
}

BOOST_AUTO_TEST_CASE(other_shapes_are_refused) {
  for (const std::string& bad :
       {array({bulk("1-0")}), array({":1\r\n"}), array({"$-1\r\n"}), array({array({})}), array({array({bulk("1-0")})}),
        array({array({bulk("1-0"), array({}), bulk("more")})}), array({array({":1\r\n", array({})})}),
        array({array({array({}), array({})})}), array({array({"$-1\r\n", array({})})})})
    BOOST_TEST(error_of(bad).find("stream entr") != std::string::npos, bad);
  for (const char* id : {"", "x", "1", "-1", "x-0", "99999999999999999999-0"})
    BOOST_TEST(error_of(array({entry(id, {})})).find("without an ID") != std::string::npos, id);
}

BOOST_AUTO_TEST_CASE(garbage_and_deep_nesting_are_refused) {
  for (const std::string& bad : {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("!\r\n"),
                                 std::string("*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n") +
                                     std::string("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n")})
    BOOST_TEST(error_of(bad).find("unreadable") != std::string::npos, bad);
}

BOOST_AUTO_TEST_CASE(header_reserves_nothing_and_a_reply_has_an_end) {
  // Two thousand million entries are announced; what comes is cut off at the bounds.
  StreamReplyReader reader(limits());
  Texts texts;
  BOOST_REQUIRE((reader.feed("*2000000000\r\n", texts) == Outcome::ok));
  std::size_t fed = 0;
  while (reader.feed(sample("1-0", "x"), texts) == Outcome::ok) BOOST_REQUIRE(++fed <= 50u);
  BOOST_TEST(reader.error().find("more stream entries") != std::string::npos);

  for (const std::string& head : {std::string("*1\r\n*2\r\n$3\r\n1-0\r\n*2000000000\r\n"),
                                  std::string("*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ndata\r\n$2000000000\r\n")}) {
    StreamReplyReader endless(limits());
    BOOST_REQUIRE((endless.feed(head, texts) == Outcome::ok));
    fed = 0;
    while (endless.feed("$1\r\nx\r\n", texts) == Outcome::ok) BOOST_REQUIRE((fed += 7) < 2 * 20'000u);
    BOOST_TEST(endless.error().find("exceeds 20000 bytes") != std::string::npos);
  }
  BOOST_TEST(texts.texts.empty());
}

BOOST_AUTO_TEST_CASE(bound_is_that_of_one_reply_not_of_all) {
  std::string bytes;
  for (int i = 0; i < 1'000; ++i) bytes += array({sample("1-0", std::string(90, 'x'))});
  BOOST_TEST(read_all(bytes).size() == 1'000u);
}

BOOST_AUTO_TEST_CASE(handler_that_stops_gets_nothing_more) {
  StreamReplyReader reader(limits());
  Texts texts;
  texts.stop_after = 2;
  BOOST_TEST((reader.feed(":1\r\n:2\r\n:3\r\n", texts) == Outcome::stopped));
  BOOST_TEST(texts.texts.size() == 2u);
}

BOOST_AUTO_TEST_CASE(changed_bytes_neither_throw_nor_hang) {
  std::mt19937 random(20261120);
  const std::string sound = ":1\r\n" + array({sample("2000-0", "{\"a\":1}"), sample("2001-3", "x")}) + "+PONG\r\n";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = sound;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>("*$:+-0129\r\nx"[random() % 12]);
    StreamReplyReader reader(limits());
    Texts texts;
    reader.feed(std::string_view(bytes).substr(0, random() % (bytes.size() + 1)), texts);
  }
}

BOOST_AUTO_TEST_SUITE_END()
