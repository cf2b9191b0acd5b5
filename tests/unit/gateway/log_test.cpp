// Log lines: what each format looks like, and that nobody can forge one; levels, threads, and the rate limit.
#include "gateway/log.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace pulsegate;
using namespace std::chrono_literals;

namespace {

const proto::Timestamp kTime{std::chrono::microseconds(1'763'820'300'123'456)};  // 2025-11-22T14:05:00.123Z

std::string line(log::Format format, std::string_view event, log::Fields fields, std::uint64_t suppressed = 0) {
  std::string out;
  log::append_line(out, format, kTime, log::Level::info, event, fields, suppressed);
  return out;
}

std::string text_value(std::string_view value) {
  const std::string whole = line(log::Format::text, "e", {{"k", value}});
  return whole.substr(whole.find("k=") + 2);
}

std::string json_value(log::Value value) {
  const std::string whole = line(log::Format::json, "e", {{"k", value}});
  const auto start = whole.find("\"k\":") + 4;
  return whole.substr(start, whole.size() - start - 1);
}

// Sends the log to a stream for the time of a test.
struct Captured {
  explicit Captured(log::Level level, log::Format format = log::Format::text) { log::configure(level, format, &out); }
  ~Captured() { log::configure(log::Level::info, log::Format::text); }
  std::ostringstream out;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(LogLine)

BOOST_AUTO_TEST_CASE(text_is_time_level_event_and_fields) {
  BOOST_TEST(line(log::Format::text, "ws.open", {{"connection", "c-1"}, {"shard", 3}, {"ok", true}, {"rate", 0.5}}) ==
             "2025-11-22T14:05:00.123Z info  ws.open connection=c-1 shard=3 ok=true rate=0.5");
}

BOOST_AUTO_TEST_CASE(json_is_one_object) {
  BOOST_TEST(
      line(log::Format::json, "ws.open", {{"connection", "c-1"}, {"shard", 3}, {"ok", false}, {"rate", 0.5}}) ==
      R"({"ts":"2025-11-22T14:05:00.123Z","level":"info","event":"ws.open","connection":"c-1","shard":3,"ok":false,"rate":0.5})");
}

BOOST_AUTO_TEST_CASE(suppressed_lines_are_said) {
  BOOST_TEST(line(log::Format::text, "e", {}, 7) == "2025-11-22T14:05:00.123Z info  e suppressed=7");
  BOOST_TEST(line(log::Format::json, "e", {}, 7).find(",\"suppressed\":7}") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_quotes_only_where_needed) {
  BOOST_TEST(text_value("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0");
  BOOST_TEST(text_value("two words") == "\"two words\"");
  BOOST_TEST(text_value("a=b") == "\"a=b\"");
  BOOST_TEST(text_value("say \"x\"") == "\"say \\\"x\\\"\"");
  BOOST_TEST(text_value("") == "\"\"");
  BOOST_TEST(text_value("Zürich") == "\"Zürich\"");
}

BOOST_AUTO_TEST_CASE(a_value_cannot_forge_a_second_line) {
  BOOST_TEST(text_value("x\n2025-11-22T14:05:00.123Z error stolen") == "\"x\\n2025-11-22T14:05:00.123Z error stolen\"");
  BOOST_TEST(json_value(std::string_view("a\r\nb")) == R"("a\r\nb")");
}

BOOST_AUTO_TEST_CASE(control_characters_of_terminals_are_escaped) {
  BOOST_TEST(json_value(std::string_view("\x1b[2J\x7f", 5)) == R"("\u001b[2J\u007f")");
  BOOST_TEST(json_value(std::string_view("\xC2\x9B"
                                         "2J")) == R"("\u009b2J")");
  BOOST_TEST(json_value(std::string_view("\0", 1)) == R"("\u0000")");
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_replaced) {
  const std::string replacement = "\xEF\xBF\xBD";
  BOOST_TEST(json_value(std::string_view("a\xFF"
                                         "b")) == "\"a" + replacement + "b\"");
  BOOST_TEST(json_value(std::string_view("\xC3")) == "\"" + replacement + "\"");                    // cut short
  BOOST_TEST(json_value(std::string_view("\xC0\xAF")) == "\"" + replacement + replacement + "\"");  // overlong
  BOOST_TEST(json_value(std::string_view("\xED\xA0\x80")) == "\"" + replacement + replacement + replacement + "\"");
  BOOST_TEST(json_value(std::string_view("\xF4\x90\x80\x80")).size() == 2 + 4 * replacement.size());
  BOOST_TEST(json_value(std::string_view("€😀")) == "\"€😀\"");
}

BOOST_AUTO_TEST_CASE(long_values_are_cut_on_a_character_boundary) {
  std::string value(log::kMaxValueBytes - 1, 'x');
  const std::string written = json_value(std::string_view(value + "€"));
  BOOST_TEST(written == "\"" + value + "…\"");
  const std::string fits(log::kMaxValueBytes, 'x');
  BOOST_TEST(json_value(std::string_view(fits)) == "\"" + fits + "\"");
}

BOOST_AUTO_TEST_CASE(numbers_keep_their_sign_and_size) {
  BOOST_TEST(json_value(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  BOOST_TEST(json_value(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  BOOST_TEST(json_value(std::size_t{7}) == "7");
  BOOST_TEST(json_value(std::uint16_t{8080}) == "8080");
  BOOST_TEST(json_value(1.5f) == "1.5");
}

BOOST_AUTO_TEST_CASE(numbers_that_json_lacks_become_null) {
  BOOST_TEST(json_value(std::numeric_limits<double>::quiet_NaN()) == "null");
  BOOST_TEST(json_value(std::numeric_limits<double>::infinity()) == "null");
}

BOOST_AUTO_TEST_CASE(a_string_literal_is_not_taken_for_a_bool) {
  const char* literal = "yes";
  BOOST_TEST(json_value(literal) == "\"yes\"");
  BOOST_TEST(json_value(std::string("yes")) == "\"yes\"");
}

BOOST_AUTO_TEST_CASE(levels_and_formats_are_found_by_name) {
  for (const char* name : {"trace", "debug", "info", "warn", "error"}) {
    const auto level = log::find_level(name);
    BOOST_REQUIRE(level.has_value());
    BOOST_TEST(log::name(*level) == name);
  }
  BOOST_TEST(!log::find_level("INFO").has_value());
  BOOST_TEST(!log::find_level("").has_value());
  BOOST_TEST((log::find_format("text") == log::Format::text));
  BOOST_TEST((log::find_format("json") == log::Format::json));
  BOOST_TEST(!log::find_format("xml").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(Log)

BOOST_AUTO_TEST_CASE(lines_below_the_level_are_not_written) {
  const Captured log_output(log::Level::warn);
  log::info("quiet");
  log::warn("loud", {{"k", 1}});
  log::error("louder");
  const std::string written = log_output.out.str();
  BOOST_TEST(written.find("quiet") == std::string::npos);
  BOOST_TEST(written.find("warn  loud k=1\n") != std::string::npos);
  BOOST_TEST(written.find("error louder\n") != std::string::npos);
  BOOST_TEST(!log::enabled(log::Level::info));
  BOOST_TEST(log::enabled(log::Level::error));
}

BOOST_AUTO_TEST_CASE(a_line_ends_with_one_newline_and_holds_braces_as_they_are) {
  const Captured log_output(log::Level::trace, log::Format::json);
  log::trace("e", {{"k", "{} %v {0}"}});
  const std::string written = log_output.out.str();
  BOOST_TEST(written.find("\"k\":\"{} %v {0}\"}\n") != std::string::npos);
  BOOST_TEST(std::count(written.begin(), written.end(), '\n') == 1);
}

BOOST_AUTO_TEST_CASE(lines_of_several_threads_stay_whole) {
  const Captured log_output(log::Level::info);
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([number] {
      for (int i = 0; i < 200; ++i) log::info("e", {{"thread", number}, {"i", i}});
    });
  for (auto& thread : threads) thread.join();
  std::istringstream lines(log_output.out.str());
  std::set<std::string> seen;
  for (std::string each; std::getline(lines, each);) seen.insert(each.substr(each.find("thread=")));
  BOOST_TEST(seen.size() == 800u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(LogBounded)

BOOST_AUTO_TEST_CASE(ten_seconds_worth_passes_at_once_and_then_the_rate) {
  log::LineBudget budget;
  budget.set_rate(5);
  const SteadyTime start{1h};
  std::size_t passed = 0;
  for (int i = 0; i < 200; ++i) passed += budget.allow("client.open", start).has_value() ? 1 : 0;
  BOOST_TEST(passed == 50u);
  BOOST_TEST(budget.allow("client.open", start + 200ms).value() == 150u);
  BOOST_TEST(!budget.allow("client.open", start + 200ms).has_value());
  BOOST_TEST(budget.allow("client.open", start + 1h).value() == 1u);
}

BOOST_AUTO_TEST_CASE(events_do_not_disturb_each_other) {
  log::LineBudget budget;
  budget.set_rate(0.1);
  const SteadyTime start{1h};
  BOOST_TEST(budget.allow("client.open", start).value() == 0u);
  BOOST_TEST(!budget.allow("client.open", start).has_value());
  BOOST_TEST(budget.allow("client.close", start).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_rate_every_line_passes) {
  log::LineBudget budget;
  budget.set_rate(0);
  for (int i = 0; i < 10'000; ++i) BOOST_TEST(budget.allow("client.open", SteadyTime{1h}).value() == 0u);
}

BOOST_AUTO_TEST_CASE(the_next_line_says_how_many_were_left_out) {
  const Captured log_output(log::Level::info);
  log::set_bound(0.1);
  for (int i = 0; i < 100; ++i) log::write_bounded(log::Level::info, "test.bounded", {{"i", i}});
  log::write_bounded(log::Level::debug, "test.bounded", {});  // off: neither written nor counted
  log::set_bound(1e9);
  std::this_thread::sleep_for(1ms);
  log::write_bounded(log::Level::info, "test.bounded", {{"i", 100}});
  log::set_bound(100);
  const std::string written = log_output.out.str();
  BOOST_TEST(written.find("test.bounded i=0\n") != std::string::npos);
  BOOST_TEST(written.find("test.bounded i=100 suppressed=99\n") != std::string::npos);
  BOOST_TEST(std::count(written.begin(), written.end(), '\n') == 2);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(LogRateLimited)

BOOST_AUTO_TEST_CASE(lets_one_line_a_minute_pass_and_says_how_many_it_kept) {
  log::RateLimited limited;
  const SteadyTime start{1h};
  BOOST_TEST(limited.allow("a", start).value() == 0u);
  BOOST_TEST(!limited.allow("a", start + 1s).has_value());
  BOOST_TEST(!limited.allow("a", start + 59s).has_value());
  BOOST_TEST(limited.allow("a", start + 60s).value() == 2u);
  BOOST_TEST(limited.allow("a", start + 120s).value() == 0u);
}

BOOST_AUTO_TEST_CASE(keys_do_not_disturb_each_other) {
  log::RateLimited limited;
  const SteadyTime start{};
  BOOST_TEST(limited.allow("a", start).has_value());
  BOOST_TEST(limited.allow("b", start).has_value());
  BOOST_TEST(!limited.allow("a", start).has_value());
}

BOOST_AUTO_TEST_CASE(holds_no_more_keys_than_allowed) {
  log::RateLimited limited(1min, 8);
  const SteadyTime start{1h};
  std::size_t passed = 0;
  for (int i = 0; i < 1000; ++i) passed += limited.allow(std::to_string(i), start).has_value() ? 1 : 0;
  BOOST_TEST(limited.size() == 8u);
  BOOST_TEST(passed == 9u);  // eight keys of their own, and one line for all others
}

BOOST_AUTO_TEST_CASE(forgets_keys_whose_minute_is_over_when_room_is_needed) {
  log::RateLimited limited(1min, 2);
  const SteadyTime start{1h};
  BOOST_TEST(limited.allow("a", start).has_value());
  BOOST_TEST(limited.allow("b", start + 30s).has_value());
  BOOST_TEST(limited.allow("c", start + 61s).has_value());
  BOOST_TEST(!limited.allow("b", start + 62s).has_value());
  BOOST_TEST(!limited.allow("c", start + 62s).has_value());
  BOOST_TEST(limited.size() == 2u);
}

BOOST_AUTO_TEST_CASE(writes_the_number_of_lines_it_kept) {
  const Captured log_output(log::Level::info);
  log::RateLimited limited;
  const SteadyTime start{1h};
  for (int second = 0; second <= 60; second += 20)
    limited.write("key", start + std::chrono::seconds(second), log::Level::warn, "event.dropped", {{"second", second}});
  const std::string written = log_output.out.str();
  BOOST_TEST(written.find("event.dropped second=0\n") != std::string::npos);
  BOOST_TEST(written.find("event.dropped second=60 suppressed=2\n") != std::string::npos);
  BOOST_TEST(std::count(written.begin(), written.end(), '\n') == 2);
}

BOOST_AUTO_TEST_CASE(a_disabled_level_counts_nothing) {
  const Captured log_output(log::Level::error);
  log::RateLimited limited;
  limited.write("key", SteadyTime{1h}, log::Level::warn, "e");
  BOOST_TEST(limited.size() == 0u);
  BOOST_TEST(log_output.out.str().empty());
}

BOOST_AUTO_TEST_SUITE_END()
