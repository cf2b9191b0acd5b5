// ValueReader: trees come out as Redis sent them, however the bytes are cut, and nothing that a peer declares is
// believed.
#include "bus/value_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/text.hpp"

using namespace pulsegate::bus;
using pulsegate::test::contains;
using Type = RedisValue::Type;

namespace {

class Collector final : public ReplyHandler {
 public:
  bool on_reply(const Reply& reply) override {
    values.push_back(*reply.value);
    kinds.push_back(reply.kind);
    return values.size() < stop_after;
  }
  std::vector<RedisValue> values;
  std::vector<ReplyKind> kinds;
  std::size_t stop_after = 1'000;
};

constexpr char kTree[] = "*3\r\n:5460\r\n*2\r\n$9\r\n127.0.0.1\r\n:7000\r\n*-1\r\n+PONG\r\n-ERR no\r\n$-1\r\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(ValueReaderTest)

BOOST_AUTO_TEST_CASE(trees_are_read_however_the_bytes_are_cut) {
  const std::string bytes = kTree;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ValueReader reader;
    Collector collector;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      BOOST_REQUIRE((reader.feed(bytes.substr(at, piece), collector) == ReplyReader::Outcome::ok));
    BOOST_REQUIRE(collector.values.size() == 4u);
    const RedisValue& tree = collector.values[0];
    BOOST_REQUIRE(tree.items.size() == 3u);
    BOOST_TEST(tree.items[0].integer == 5460);
    BOOST_TEST(tree.items[1].items.at(0).text == "127.0.0.1");
    BOOST_TEST(tree.items[1].items.at(1).integer == 7000);
    BOOST_TEST(tree.items[2].is(Type::nil));
    BOOST_TEST((collector.kinds[1] == ReplyKind::pong));
    BOOST_TEST((collector.kinds[2] == ReplyKind::error));
    BOOST_TEST(collector.values[2].text == "ERR no");
    BOOST_TEST(collector.values[3].is(Type::nil));
  }
}

BOOST_AUTO_TEST_CASE(members_are_found_by_name) {
  ValueReader reader;
  Collector collector;
  reader.feed("*4\r\n$4\r\nname\r\n$4\r\nmain\r\n$4\r\nport\r\n$4\r\n6379\r\n", collector);
  BOOST_REQUIRE(collector.values.size() == 1u);
  BOOST_REQUIRE(collector.values[0].member("port") != nullptr);
  BOOST_TEST(collector.values[0].member("port")->text == "6379");
  BOOST_TEST((collector.values[0].member("main") == nullptr));
}

BOOST_AUTO_TEST_CASE(what_is_declared_reserves_nothing_and_what_comes_is_bounded) {
  ValueReader reader({1'000, 10});
  Collector collector;
  BOOST_TEST((reader.feed("*2000000000\r\n", collector) == ReplyReader::Outcome::ok));
  std::string items;
  for (int i = 0; i < 20; ++i) items += ":1\r\n";
  BOOST_TEST((reader.feed(items, collector) == ReplyReader::Outcome::failed));
  BOOST_TEST(contains(reader.error(), "10 elements"));

  ValueReader other({1'000, 10});
  BOOST_TEST((other.feed("$5000\r\n", collector) == ReplyReader::Outcome::ok));
  BOOST_TEST((other.feed(std::string(2'000, 'x'), collector) == ReplyReader::Outcome::failed));
  BOOST_TEST(contains(other.error(), "1000 bytes"));
  BOOST_TEST(collector.values.empty());
}

BOOST_AUTO_TEST_CASE(garbage_is_an_error_for_good) {
  ValueReader reader;
  Collector collector;
  BOOST_TEST((reader.feed("HTTP/1.1 400\r\n", collector) == ReplyReader::Outcome::failed));
  BOOST_TEST(!reader.error().empty());
  BOOST_TEST((reader.feed("+OK\r\n", collector) == ReplyReader::Outcome::failed));
}

BOOST_AUTO_TEST_CASE(handler_may_stop_between_two_replies) {
  ValueReader reader;
  Collector collector;
  collector.stop_after = 1;
  BOOST_TEST((reader.feed("+OK\r\n+OK\r\n", collector) == ReplyReader::Outcome::stopped));
  BOOST_TEST(collector.values.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
