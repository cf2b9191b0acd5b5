// parse_command: both dialects, every error, and hostile text.
#include "proto/command.hpp"

#include <boost/test/unit_test.hpp>

#include "proto/limits.hpp"

using namespace pulsegate::proto;

namespace {

const ChannelTable kTable({"logs"});

std::variant<Command, CommandError> parse(std::string_view text) {
  return parse_command(text, kTable);
}

Command command(std::string_view text) {
  auto result = parse(text);
  BOOST_TEST_REQUIRE(std::holds_alternative<Command>(result), text);
  return std::get<Command>(std::move(result));
}

CommandError error(std::string_view text) {
  auto result = parse(text);
  BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(result), text);
  auto e = std::get<CommandError>(std::move(result));
  BOOST_TEST(e.message.size() < 300u);
  BOOST_TEST(e.message.back() == '.');
  return e;
}

std::string names(const Command& c) {
  std::string out;
  for (const Channel channel : c.channels) out.append(kTable.name(channel)).push_back(' ');
  return out;
}

std::string list(std::size_t count, std::string_view name) {
  std::string out = R"({"type":"subscribe","channels":[)";
  for (std::size_t i = 0; i < count; ++i) out.append(i > 0 ? ",\"" : "\"").append(name).push_back('"');
  return out + "]}";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ParseCommand)

BOOST_AUTO_TEST_CASE(reads_the_guides_dialect) {
  const Command c = command(
      R"({"type":"subscribe","channels":["metrics","processes","system-info","history","network-interfaces"]})");
  BOOST_TEST((c.type == Command::Type::subscribe));
  BOOST_TEST(names(c) == "metrics processes system-info history network-interfaces ");
  BOOST_TEST(c.unknown_channels.empty());
  BOOST_TEST(c.id.empty());
  BOOST_TEST((command(R"({"type":"unsubscribe","channels":["logs"]})").type == Command::Type::unsubscribe));
}

BOOST_AUTO_TEST_CASE(reads_the_older_dialect) {
  BOOST_TEST(names(command(R"({"type":"subscribe","channel":"history"})")) == "history ");
  BOOST_TEST(names(command(R"({"channel":"history","type":"unsubscribe"})")) == "history ");
  BOOST_TEST(names(command(R"({"type":"subscribe","channel":"history","channels":null})")) == "history ");
}

BOOST_AUTO_TEST_CASE(channels_wins_over_channel) {
  BOOST_TEST(names(command(R"({"type":"subscribe","channel":"history","channels":["metrics"]})")) == "metrics ");
  BOOST_TEST(names(command(R"({"type":"subscribe","channels":["metrics"],"channel":7})")) == "metrics ");
}

BOOST_AUTO_TEST_CASE(ping_needs_no_channels) {
  const Command c = command(R"( {"type":"ping"} )");
  BOOST_TEST((c.type == Command::Type::ping));
  BOOST_TEST(c.channels.empty());
  BOOST_TEST((command(R"({"type":"ping","channels":5})").type == Command::Type::ping));
  BOOST_TEST(command(R"({"type":"ping","channels":["metrics"]})").channels.empty());
}

BOOST_AUTO_TEST_CASE(keeps_order_drops_repeats_and_lists_unknown_channels) {
  const Command c = command(R"({"type":"subscribe","channels":["history","x","metrics","history","","x","Metrics"]})");
  BOOST_TEST(names(c) == "history metrics ");
  BOOST_TEST(c.unknown_channels == (std::vector<std::string>{"x", "", "Metrics"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cuts_unknown_names_on_a_character_boundary) {
  const Command c = command(R"({"type":"subscribe","channels":["a)" + std::string(62, 'b') + "\xe2\x82\xac" + R"("]})");
  BOOST_TEST(c.unknown_channels.at(0) == "a" + std::string(62, 'b'));
  const Command d = command(R"({"type":"subscribe","channels":[")" + std::string(5000, 'c') + R"("]})");
  BOOST_TEST(d.unknown_channels.at(0) == std::string(64, 'c'));
}

BOOST_AUTO_TEST_CASE(the_last_of_repeated_members_counts) {
  BOOST_TEST((command(R"({"type":"subscribe","type":"ping"})").type == Command::Type::ping));
  BOOST_TEST(names(command(R"({"type":"subscribe","channels":["logs"],"channels":["metrics"]})")) == "metrics ");
  BOOST_TEST(names(command(R"({"type":"subscribe","channels":7,"channels":["metrics"]})")) == "metrics ");
  BOOST_TEST((error(R"({"type":"ping","type":1})").code == ErrorCode::missing_type));
  BOOST_TEST(
      (error(R"({"type":"subscribe","channels":["metrics"],"channels":7})").code == ErrorCode::invalid_channels));
  BOOST_TEST(command(R"({"type":"ping","id":1,"id":null})").id.empty());
}

BOOST_AUTO_TEST_CASE(ignores_members_that_it_does_not_know_at_any_depth) {
  BOOST_TEST(
      names(command(R"({"x":{"type":"ping","channels":["logs"],"id":9},"type":"subscribe","channels":["metrics"],)"
                    R"("since":"2026","y":[[{"channels":[1]}],"z"]})")) == "metrics ");
  BOOST_TEST(command(R"({"type":"ping","x":{"id":9}})").id.empty());
}

BOOST_AUTO_TEST_CASE(hands_the_id_back_as_json) {
  BOOST_TEST(command(R"({"type":"ping","id":7})").id == "7");
  BOOST_TEST(command(R"({"type":"ping","id":-1.50e2})").id == "-1.50e2");
  BOOST_TEST(command(R"({"id":"a\"\u0041\n","type":"ping"})").id == R"("a\"A\n")");
  BOOST_TEST(command(R"({"type":"ping","id":{"a":1}})").id.empty());
  BOOST_TEST(command(R"({"type":"ping","id":true})").id.empty());
  BOOST_TEST(command(R"({"type":"ping","id":")" + std::string(200, 'x') + R"("})").id.empty());
  BOOST_TEST(command(R"({"type":"ping","id":")" + std::string(126, 'x') + R"("})").id.size() == 128u);
  BOOST_TEST(error(R"({"type":"dance","id":"q1"})").id == R"("q1")");
  BOOST_TEST(error(R"({"id":4})").id == "4");
  BOOST_TEST(error(R"({"id":4)").id.empty());
}

BOOST_AUTO_TEST_CASE(tells_each_error_by_its_code) {
  const std::pair<std::string, ErrorCode> rows[] = {
      {"", ErrorCode::malformed_json},
      {"hello", ErrorCode::malformed_json},
      {R"({"type":"ping"}})", ErrorCode::malformed_json},
      {R"({"type":"ping"} {})", ErrorCode::malformed_json},
      {std::string("{\"type\":\"ping\"}\0", 16), ErrorCode::malformed_json},
      {"{\"type\":\"\xff\"}", ErrorCode::malformed_json},
      {R"({"type":"\ud800"})", ErrorCode::malformed_json},
      {R"({"type":"ping","x":"\udc00"})", ErrorCode::malformed_json},
      {std::string(limits::kMaxJsonDepth + 1, '['), ErrorCode::too_deep},
      {std::string(16 * 1024, '['), ErrorCode::too_deep},
      {"[]", ErrorCode::not_an_object},
      {R"([{"type":"ping"}])", ErrorCode::not_an_object},
      {R"("ping")", ErrorCode::not_an_object},
      {"7", ErrorCode::not_an_object},
      {"null", ErrorCode::not_an_object},
      {"{}", ErrorCode::missing_type},
      {R"({"type":5})", ErrorCode::missing_type},
      {R"({"type":["ping"]})", ErrorCode::missing_type},
      {R"({"type":{"type":"ping"}})", ErrorCode::missing_type},
      {R"({"type":""})", ErrorCode::unknown_type},
      {R"({"type":"Ping"})", ErrorCode::unknown_type},
      {R"({"type":"subscribe"})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":[]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":[],"channel":"metrics"})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":"metrics"})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":["metrics",5]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":["metrics",null]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":["metrics",["logs"]]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":{"0":"metrics"}})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channel":["metrics"]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channel":5})", ErrorCode::invalid_channels},
      {R"({"type":"unsubscribe","channel":null})", ErrorCode::invalid_channels},
      {list(limits::kMaxChannelsPerCommand + 1, "metrics"), ErrorCode::too_many_channels},
      {list(1000, "metrics"), ErrorCode::too_many_channels},
      {std::string(2 * 1024 * 1024, ' '), ErrorCode::malformed_json},
  };
  for (const auto& [text, code] : rows)
    BOOST_TEST(name(error(text).code) == name(code), std::string_view(text).substr(0, 80));
}

BOOST_AUTO_TEST_CASE(accepts_as_many_channels_as_the_limit) {
  BOOST_TEST(names(command(list(limits::kMaxChannelsPerCommand, "metrics"))) == "metrics ");
}

BOOST_AUTO_TEST_CASE(names_the_unknown_type_in_bounded_length) {
  BOOST_TEST(error(R"({"type":"dance"})").message.find("\"dance\"") != std::string::npos);
  const std::string message = error(R"({"type":")" + std::string(5000, 'x') + R"("})").message;
  BOOST_TEST(message.find(std::string(64, 'x') + "…\"") != std::string::npos);
  const std::string euros = error(R"({"type":"ab)" + std::string(61, 'x') + "\xe2\x82\xac" + R"("})").message;
  BOOST_TEST(euros.find("ab" + std::string(61, 'x') + "…\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(survives_every_truncation_and_every_flipped_byte) {
  const std::string text =
      R"({"type":"subscribe","channels":["metrics","hist\u006fry"],"id":"\ud83d\ude00","x":[-1.5e3,null,true,{}]})";
  for (std::size_t i = 0; i < text.size(); ++i) {
    BOOST_TEST(std::holds_alternative<CommandError>(parse(std::string_view(text).substr(0, i))));
    for (int byte = 0; byte < 256; byte += 5) {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      parse(changed);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
