// parse_command: both dialects, every error, and hostile text.
#include "proto/command.hpp"

#include <boost/test/unit_test.hpp>

#include "proto/limits.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

const ChannelTable kTable({"logs"});

const Timestamp kNow = at("2026-11-22T14:05:00.123Z");

std::variant<Command, CommandError> parse(std::string_view text) {
  return parse_command(text, kTable);
}

HistoryQuery query(std::string_view text) {
  auto result = parse_command(text, kTable, kNow);
  BOOST_TEST_REQUIRE(std::holds_alternative<HistoryQuery>(result), text);
  return std::get<HistoryQuery>(std::move(result));
}

CommandError query_error(std::string_view text) {
  auto result = parse_command(text, kTable, kNow);
  BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(result), text);
  auto e = std::get<CommandError>(std::move(result));
  BOOST_TEST(e.message.size() < 300u);
  BOOST_TEST(e.message.back() == '.');
  return e;
}

// A subscribe to `metrics` with more members.
std::string subscribe(std::string_view more) {
  return R"({"type":"subscribe","channels":["metrics"],)" + std::string(more) + "}";
}

// A history-query with more members than the two that it needs.
std::string asking(std::string_view more) {
  return R"({"type":"history-query","id":1,"from":"2026-11-22T14:00:00Z",)" + std::string(more) + "}";
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
                    R"("from":[7],"y":[[{"channels":[1]}],"z"]})")) == "metrics ");
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

BOOST_AUTO_TEST_CASE(entries_that_are_no_names_spoil_nothing) {
  const Command read =
      command(R"({"type":"subscribe","channels":[false,"history",null,5,["logs"],{"metrics":1},false,"metrics"]})");
  BOOST_TEST((read.channels == std::vector<Channel>{Channel::history, Channel::metrics}));
  BOOST_TEST(read.unknown_channels == (std::vector<std::string>{"a boolean", "null", "5", "an array", "an object"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tells_each_error_by_its_code) {
  const std::pair<std::string, ErrorCode> rows[] = {
      {"", ErrorCode::malformed_json},
      {"hello", ErrorCode::malformed_json},
      {R"({"type":"ping"}})", ErrorCode::malformed_json},
      {R"({"type":"ping"} {})", ErrorCode::malformed_json},
      {std::string("{\"type\":\"ping\"}\0", 16), ErrorCode::malformed_json},
      {"{\"type\":\"\xff\"}", ErrorCode::malformed_json},
      {R"({"type":"\ud800"})", ErrorCode::unknown_type},
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
      {R"({"type":"subscribe","channels":[5,null]})", ErrorCode::invalid_channels},
      {R"({"type":"subscribe","channels":[["metrics"]]})", ErrorCode::invalid_channels},
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

BOOST_AUTO_TEST_CASE(since_is_a_cursor_or_a_time) {
  std::string cursor;
  append_cursor(cursor, {kNow, 7, 1});
  const Command resumed = command(subscribe("\"since\":\"" + cursor + "\""));
  BOOST_TEST_REQUIRE(resumed.since.has_value());
  BOOST_TEST((std::get<Cursor>(*resumed.since) == Cursor{kNow, 7, 1}));
  BOOST_TEST((std::get<Timestamp>(*command(subscribe(R"("since":"2026-11-22T14:05:00.123Z")")).since) == kNow));
  BOOST_TEST(!command(subscribe(R"("since":null)")).since.has_value());
  BOOST_TEST(!command(subscribe(R"("since":"x","since":null)")).since.has_value());
  BOOST_TEST(!command(R"({"type":"subscribe","channel":"history"})").since.has_value());
}

BOOST_AUTO_TEST_CASE(any_other_since_is_an_error) {
  std::string cut_cursor;
  append_cursor(cut_cursor, {kNow, 7, 1});
  cut_cursor.pop_back();
  for (const std::string& bad :
       {std::string("\"\""), std::string("\"now\""), std::string("\"2026\""), "\"" + cut_cursor + "\"",
        std::string("1795356300123"), std::string("true"), std::string("[]"), std::string("{\"cursor\":\"x\"}"),
        "\"" + std::string(4000, 'A') + "\""}) {
    const CommandError e = error(subscribe("\"id\":\"r\",\"since\":" + bad));
    BOOST_TEST((e.code == ErrorCode::bad_since), bad);
    BOOST_TEST(e.id == "\"r\"");
  }
}

BOOST_AUTO_TEST_CASE(history_says_how_the_channel_shall_come) {
  const Command c = command(
      subscribe(R"("history":{"window":"2h","points":120,"mode":"append","downsample":"mean","x":{"points":0}})"));
  BOOST_TEST_REQUIRE(c.history.has_value());
  BOOST_TEST(*c.history->points == 120u);
  BOOST_TEST((*c.history->window == std::chrono::hours(2)));
  BOOST_TEST((*c.history->mode == HistoryMode::append));
  BOOST_TEST((*c.history->downsample == Downsample::mean));
  const Command seconds = command(subscribe(R"("history":{"window":900,"mode":null})"));
  BOOST_TEST((*seconds.history->window == std::chrono::minutes(15)));
  BOOST_TEST(!seconds.history->mode);
  BOOST_TEST(command(subscribe(R"("history":{})")).history.has_value());
}

BOOST_AUTO_TEST_CASE(a_history_that_is_no_object_is_not_meant_for_us) {
  for (const char* value : {"null", "true", "5", "\"30\"", "[]", "[{\"points\":0}]", "[[\"points\",0]]"})
    BOOST_TEST(!command(subscribe("\"history\":" + std::string(value))).history.has_value(), value);
}

BOOST_AUTO_TEST_CASE(wrong_values_in_history_are_an_error) {
  for (const char* bad :
       {R"("points":0)", R"("points":2001)", R"("points":1.5)", R"("points":"30")", R"("points":true)",
        R"("points":[30])", R"("points":{"points":30})", R"("window":"15")", R"("window":0)", R"("window":"11y")",
        R"("window":[])", R"("mode":"add")", R"("mode":1)", R"("downsample":"max")", R"("downsample":false)",
        R"("points":30,"points":0)", R"("x":[{"y":1}],"mode":"add")"}) {
    const CommandError e = error(subscribe("\"id\":4,\"history\":{" + std::string(bad) + "}"));
    BOOST_TEST((e.code == ErrorCode::bad_history), bad);
    BOOST_TEST(e.id == "4");
  }
}

BOOST_AUTO_TEST_CASE(the_last_of_repeated_histories_counts_whole) {
  const Command c = command(subscribe(R"("history":{"points":5,"mode":"append"},"history":{"window":"1h"})"));
  BOOST_TEST(!c.history->points);
  BOOST_TEST(!c.history->mode);
  BOOST_TEST(c.history->window.has_value());
  BOOST_TEST(!command(subscribe(R"("history":{"points":0},"history":null)")).history.has_value());
  BOOST_TEST(*command(subscribe(R"("history":{"points":0,"points":7})")).history->points == 7u);
}

BOOST_AUTO_TEST_CASE(members_of_one_place_do_not_count_in_another) {
  const Command c = command(
      subscribe(R"("points":0,"window":5,"mode":7,"downsample":"x","x":{"since":5},"y":{"history":{"points":0}})"));
  BOOST_TEST(!c.history.has_value());
  BOOST_TEST(!c.since.has_value());
  BOOST_TEST(!command(R"({"type":"unsubscribe","channels":["metrics"],"since":5,"history":{"points":0}})").history);
  BOOST_TEST((command(R"({"type":"ping","since":5,"history":{"points":0}})").type == Command::Type::ping));
  BOOST_TEST(query(asking(R"("since":5,"history":{"points":7},"channels":3)")).points == 300u);
}

BOOST_AUTO_TEST_CASE(reads_a_history_query) {
  const HistoryQuery q = query(
      R"({"type":"history-query","id":"q1","from":"2026-11-22T14:00:00Z","to":1795356300123,"points":500,"downsample":"minmax"})");
  BOOST_TEST(q.id == "\"q1\"");
  BOOST_TEST((q.from == at("2026-11-22T14:00:00Z")));
  BOOST_TEST((q.to == kNow));
  BOOST_TEST(q.points == 500u);
  BOOST_TEST((q.downsample == Downsample::minmax));
}

BOOST_AUTO_TEST_CASE(a_history_query_has_defaults) {
  const HistoryQuery q = query(R"({"from":1795356000000,"to":null,"points":null,"id":-7,"type":"history-query"})");
  BOOST_TEST(q.id == "-7");
  BOOST_TEST((q.to == kNow));
  BOOST_TEST(q.points == limits::kQueryPoints);
  BOOST_TEST((q.downsample == Downsample::lttb));
}

BOOST_AUTO_TEST_CASE(a_history_query_needs_a_short_id) {
  const auto with_id = [](const std::string& id) {
    return R"({"type":"history-query","from":"2026-11-22T14:00:00Z","id":)" + id + "}";
  };
  BOOST_TEST(query(with_id("\"" + std::string(64, 'x') + "\"")).id.size() == 66u);
  BOOST_TEST(query(with_id("\"\"")).id == "\"\"");
  BOOST_TEST(query(with_id(std::string(64, '1'))).id.size() == 64u);
  for (const std::string& bad :
       {std::string("null"), std::string("true"), std::string("[1]"), std::string("{}"),
        "\"" + std::string(65, 'x') + "\"", std::string(65, '1'),
        "\"" + std::string(33, '\\') + std::string(33, '\\') + "\"", "\"" + std::string(5000, 'x') + "\""})
    BOOST_TEST((query_error(with_id(bad)).code == ErrorCode::bad_query), bad.substr(0, 80));
  BOOST_TEST(query_error(with_id("\"" + std::string(65, 'x') + "\"")).id.size() == 67u);
  BOOST_TEST((query_error(R"({"type":"history-query","from":0})").code == ErrorCode::bad_query));
}

BOOST_AUTO_TEST_CASE(wrong_values_in_a_history_query_are_an_error) {
  for (const char* bad :
       {R"("from":null)", R"("from":"yesterday")", R"("from":true)", R"("from":[1])", R"("from":0)",
        R"("from":"2026-11-22T14:05:01Z")", R"("to":"2026-11-22T13:59:59Z")", R"("to":"2037-11-22T14:00:00Z")",
        R"("to":-1)", R"("to":{})", R"("points":0)", R"("points":2001)", R"("points":"300")", R"("points":300.5)",
        R"("points":[])", R"("downsample":"LTTB")", R"("downsample":3)"}) {
    const CommandError e = query_error(asking(bad));
    BOOST_TEST((e.code == ErrorCode::bad_query), bad);
    BOOST_TEST(e.id == "1");
  }
}

BOOST_AUTO_TEST_CASE(a_number_longer_than_any_use_is_no_value) {
  const std::string digits = "30." + std::string(5000, '0');
  BOOST_TEST((error(subscribe("\"history\":{\"points\":" + digits + "}")).code == ErrorCode::bad_history));
  BOOST_TEST((query_error(asking("\"points\":" + digits)).code == ErrorCode::bad_query));
}

BOOST_AUTO_TEST_CASE(whoever_answers_no_queries_knows_none) {
  const CommandError e = error(R"({"type":"history-query","id":5})");
  BOOST_TEST((e.code == ErrorCode::unknown_type));
  BOOST_TEST(e.message.find("history-query\"; this gateway knows \"subscribe\", \"unsubscribe\" and \"ping\".") !=
             std::string::npos);
  BOOST_TEST(query_error(R"({"type":"dance"})").message.find("and \"replay-stop\".") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(other_commands_are_the_same_whether_queries_are_answered) {
  for (const char* text : {R"({"type":"subscribe","channels":["metrics","x"],"id":7})", R"({"type":"ping"})",
                           R"({"type":"unsubscribe","channel":"logs"})"}) {
    const auto result = parse_command(text, kTable, kNow);
    BOOST_TEST_REQUIRE(std::holds_alternative<Command>(result), text);
    const Command c = command(text);
    const Command& same = std::get<Command>(result);
    BOOST_TEST((same.type == c.type && same.channels == c.channels && same.id == c.id), text);
  }
  for (const char* text : {"", "[]", "{}", R"({"type":"subscribe"})"})
    BOOST_TEST((query_error(text).code == error(text).code), text);
}

BOOST_AUTO_TEST_CASE(queries_and_resumes_survive_every_truncation_and_every_flipped_byte) {
  for (const std::string& text :
       {subscribe(R"("since":"2026-11-22T14:05:00Z","history":{"points":5,"window":"15m","mode":"append","x":[{}]})"),
        asking(R"("to":1795356300123,"points":3e2,"downsample":"mean","history":{"points":[1]})")}) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      BOOST_TEST(
          std::holds_alternative<CommandError>(parse_command(std::string_view(text).substr(0, i), kTable, kNow)));
      for (int byte = 0; byte < 256; byte += 5) {
        std::string changed = text;
        changed[i] = static_cast<char>(byte);
        parse_command(changed, kTable, kNow);
      }
    }
  }
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

BOOST_AUTO_TEST_CASE(an_auth_command_carries_a_token) {
  const auto parsed = parse_command(R"({"token":"a.b.c","id":"x","type":"auth"})", kTable, kNow);
  BOOST_TEST_REQUIRE(std::holds_alternative<AuthRequest>(parsed));
  BOOST_TEST(std::get<AuthRequest>(parsed).token == "a.b.c");
  BOOST_TEST(std::get<AuthRequest>(parsed).id == "\"x\"");
  const std::string large(10'000, 'x');
  BOOST_TEST(std::get<AuthRequest>(parse_command(R"({"type":"auth","token":")" + large + "\"}", kTable, kNow)).token ==
             large);
  for (const char* text :
       {R"({"type":"auth"})", R"({"type":"auth","token":""})", R"({"type":"auth","token":null})",
        R"({"type":"auth","token":7})", R"({"type":"auth","token":["a"]})", R"({"type":"auth","token":{"token":"a"}})",
        R"({"type":"auth","token":"a","token":null})", R"({"type":"auth","data":{"token":"a"}})"}) {
    const auto result = parse_command(text, kTable, kNow);
    BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(result), text);
    BOOST_TEST((std::get<CommandError>(result).code == ErrorCode::unauthorized), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
