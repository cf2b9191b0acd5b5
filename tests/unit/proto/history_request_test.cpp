// Values of requests for history: what is accepted, with which bounds, and what is said of the rest.
#include "proto/history_request.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

using Kind = RequestValue::Kind;
using std::chrono::milliseconds;

const Timestamp kNow = at("2026-11-22T14:05:00.123Z");

RequestValue text(std::string value) {
  return {Kind::string, std::move(value)};
}
RequestValue number(std::string value) {
  return {Kind::number, std::move(value)};
}
const RequestValue kOther{Kind::other, {}};

std::optional<HistoryOptions> options(const RequestValue& points, const RequestValue& window = {},
                                      const RequestValue& mode = {}, const RequestValue& downsample = {}) {
  HistoryOptionsText written;
  written.points = points;
  written.window = window;
  written.mode = mode;
  written.downsample = downsample;
  const auto result = parse_history_options(written);
  if (const auto* sentence = std::get_if<std::string>(&result)) BOOST_TEST(sentence->find("\"history.") == 0u);
  const auto* read = std::get_if<HistoryOptions>(&result);
  return read != nullptr ? std::optional<HistoryOptions>(*read) : std::nullopt;
}

std::optional<milliseconds> window(const RequestValue& value) {
  const auto read = options({}, value);
  return read ? read->window : std::nullopt;
}

std::variant<HistoryQuery, std::string> parse(const RequestValue& from, const RequestValue& to,
                                              const RequestValue& points, const RequestValue& downsample) {
  HistoryQueryText written;
  written.from = from;
  written.to = to;
  written.points = points;
  written.downsample = downsample;
  return parse_history_query(written, kNow);
}

HistoryQuery query(const RequestValue& from, const RequestValue& to = {}, const RequestValue& points = {},
                   const RequestValue& downsample = {}) {
  auto result = parse(from, to, points, downsample);
  BOOST_TEST_REQUIRE(std::holds_alternative<HistoryQuery>(result));
  return std::get<HistoryQuery>(std::move(result));
}

std::string refusal(const RequestValue& from, const RequestValue& to = {}, const RequestValue& points = {},
                    const RequestValue& downsample = {}) {
  auto result = parse(from, to, points, downsample);
  BOOST_TEST_REQUIRE(std::holds_alternative<std::string>(result));
  return std::get<std::string>(std::move(result));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryModeTest)

BOOST_AUTO_TEST_CASE(name_and_find_are_inverse) {
  for (const HistoryMode mode : {HistoryMode::replace, HistoryMode::append})
    BOOST_TEST((find_history_mode(name(mode)) == mode));
  BOOST_TEST(name(HistoryMode::append) == "append");
  for (const char* word : {"", "Append", "add"}) BOOST_TEST(!find_history_mode(word), word);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ParseHistoryOptions)

BOOST_AUTO_TEST_CASE(what_is_left_out_stays_unset) {
  const auto none = options({});
  BOOST_TEST_REQUIRE(none.has_value());
  BOOST_TEST(!none->points);
  BOOST_TEST(!none->window);
  BOOST_TEST(!none->mode);
  BOOST_TEST(!none->downsample);
}

BOOST_AUTO_TEST_CASE(reads_all_of_them_together) {
  const auto all = options(number("120"), text("2h"), text("append"), text("minmax"));
  BOOST_TEST_REQUIRE(all.has_value());
  BOOST_TEST(*all->points == 120u);
  BOOST_TEST((*all->window == std::chrono::hours(2)));
  BOOST_TEST((*all->mode == HistoryMode::append));
  BOOST_TEST((*all->downsample == Downsample::minmax));
}

BOOST_AUTO_TEST_CASE(a_window_is_a_duration_or_seconds) {
  const std::pair<RequestValue, std::int64_t> rows[] = {
      {text("1s"), 1'000},         {text("1500ms"), 1'500},          {text("90s"), 90'000},
      {text("15m"), 900'000},      {text("2h"), 7'200'000},          {text("7d"), 604'800'000},
      {text("007d"), 604'800'000}, {text("3653d"), 315'619'200'000}, {number("1"), 1'000},
      {number("1.5"), 1'500},      {number("9e2"), 900'000},         {number("315619200"), 315'619'200'000},
  };
  for (const auto& [value, millis] : rows) BOOST_TEST((window(value) == milliseconds(millis)), value.text);
}

BOOST_AUTO_TEST_CASE(any_other_window_is_refused) {
  for (const char* bad :
       {"",    "0",   "15",    "m",         "15 m",  " 15m",  "15m ",        "15M",          "1.5h",
        "-5m", "+5m", "1h30m", "0s",        "999ms", "3654d", "9999999999d", "99999999999d", "99999999999999999999d",
        "5w",  "5y",  "5mm",   "2026-11-22"})
    BOOST_TEST(!options({}, text(bad)), bad);
  for (const char* bad : {"0", "-900", "0.999", "315619201", "1e300", "1e308", "-1e308"})
    BOOST_TEST(!options({}, number(bad)), bad);
  BOOST_TEST(!options({}, kOther));
}

BOOST_AUTO_TEST_CASE(points_are_whole_and_within_bounds) {
  for (const char* good : {"1", "30", "2000", "2e3", "30.0"}) BOOST_TEST(options(number(good)).has_value());
  for (const char* bad : {"0", "-1", "2001", "1.5", "1e300", "-0"}) BOOST_TEST(!options(number(bad)), bad);
  BOOST_TEST(!options(text("30")));
  BOOST_TEST(!options(kOther));
}

BOOST_AUTO_TEST_CASE(words_are_those_of_the_protocol) {
  for (const RequestValue& bad : {text(""), text("Append"), number("1"), kOther}) {
    BOOST_TEST(!options({}, {}, bad, {}));
    BOOST_TEST(!options({}, {}, {}, bad));
  }
}

BOOST_AUTO_TEST_CASE(the_first_mistake_is_named_with_its_prefix) {
  HistoryOptionsText two_mistakes;
  two_mistakes.points = number("0");
  two_mistakes.window = text("x");
  BOOST_TEST(std::get<std::string>(parse_history_options(two_mistakes)) ==
             "\"history.points\" must be a whole number from 1 to 2000.");
  BOOST_TEST(std::get<std::string>(parse_history_options(two_mistakes, "")) ==
             "\"points\" must be a whole number from 1 to 2000.");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ParseHistoryQuery)

BOOST_AUTO_TEST_CASE(has_defaults_for_all_but_from) {
  const HistoryQuery read = query(text("2026-11-22T13:05:00Z"));
  BOOST_TEST((read.from == at("2026-11-22T13:05:00Z")));
  BOOST_TEST((read.to == kNow));
  BOOST_TEST(read.points == 300u);
  BOOST_TEST((read.downsample == Downsample::lttb));
  BOOST_TEST(read.id.empty());
  BOOST_TEST(
      refusal({}) ==
      "A history-query needs \"from\", which is an ISO 8601 time such as \"2026-11-22T14:05:00Z\", or a number of "
      "milliseconds since 1970.");
}

BOOST_AUTO_TEST_CASE(times_are_iso_or_milliseconds) {
  const HistoryQuery read =
      query(number("1795356300123"), text("2026-11-22T15:05:01.5+01:00"), number("2000"), text("mean"));
  BOOST_TEST((read.from == kNow));
  BOOST_TEST((read.to == at("2026-11-22T14:05:01.5Z")));
  BOOST_TEST(read.points == 2000u);
  BOOST_TEST((read.downsample == Downsample::mean));
  BOOST_TEST((query(number("1.795356300123e12")).from == kNow));
  BOOST_TEST((query(number("1795356300000.25")).from == at("2026-11-22T14:05:00.00025Z")));
}

BOOST_AUTO_TEST_CASE(bad_times_are_refused_by_name) {
  const RequestValue bad[] = {text(""),
                              text("yesterday"),
                              text("2026-02-30T00:00:00Z"),
                              text("2026-11-22"),
                              text("2026-11-22T14:05:00"),
                              text("1795356300123"),
                              number("-1"),
                              number("253402300800000"),
                              number("1e300"),
                              kOther};
  const RequestValue good = number("1795356300123");
  for (const RequestValue& value : bad) {
    BOOST_TEST(refusal(value).find("\"from\" must be an ISO 8601") == 0u, value.text);
    BOOST_TEST(refusal(good, value).find("\"to\" must be an ISO 8601") == 0u, value.text);
  }
}

BOOST_AUTO_TEST_CASE(a_range_runs_forward_and_spans_ten_years_at_most) {
  const RequestValue from = text("2016-01-01T00:00:00Z");
  BOOST_TEST(query(from, text("2026-01-01T00:00:00Z")).points == 300u);
  BOOST_TEST(refusal(from, text("2026-01-01T00:00:01Z")).find("within 10 years") != std::string::npos);
  BOOST_TEST(refusal(number("0")).find("within 10 years") != std::string::npos);
  BOOST_TEST((query(from, from).to == at("2016-01-01T00:00:00Z")));
  BOOST_TEST(refusal(from, text("2015-12-31T23:59:59Z")).find("must not be after \"to\"") != std::string::npos);
  BOOST_TEST(refusal(text("2026-11-22T14:05:01Z")).find("must not be after \"to\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(points_and_downsample_are_checked) {
  const RequestValue from = number("1795356300123");
  for (const RequestValue& bad : {number("0"), number("2001"), number("1.5"), text("300"), kOther})
    BOOST_TEST(refusal(from, {}, bad, {}) == "\"points\" must be a whole number from 1 to 2000.");
  for (const RequestValue& bad : {number("0"), text("LTTB"), text(""), kOther})
    BOOST_TEST(refusal(from, {}, {}, bad) == "\"downsample\" must be \"lttb\", \"minmax\" or \"mean\".");
}

BOOST_AUTO_TEST_CASE(parameters_of_a_url_are_numbers_or_strings) {
  const HistoryQuery read =
      query(RequestValue::of_parameter("1795356300123"), RequestValue::of_parameter("2026-11-22T14:06:00Z"),
            RequestValue::of_parameter("10"), RequestValue::of_parameter("minmax"));
  BOOST_TEST((read.from == kNow));
  BOOST_TEST(read.points == 10u);
  BOOST_TEST((RequestValue::of_parameter("").kind == Kind::absent));
  BOOST_TEST((RequestValue::of_parameter("15m").kind == Kind::string));
  BOOST_TEST((RequestValue::of_parameter("-5").kind == Kind::string));
  BOOST_TEST((RequestValue::of_parameter(std::string(65, '1')).kind == Kind::other));
}

BOOST_AUTO_TEST_SUITE_END()
