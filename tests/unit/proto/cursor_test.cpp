// Cursors: one text for each, nothing else is one; and digests that an event and its row share.
#include "proto/cursor.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

std::string text_of(const Cursor& cursor) {
  std::string out;
  append_cursor(out, cursor);
  return out;
}

MetricValue number(double value) {
  return {value, true, -1};
}

MetricValues sample(double cpu, double used = 3435973836, double total = 8589934592, double rx = 1234,
                    double tx = 5678) {
  MetricValues values;
  values[Metric::cpu_usage] = number(cpu);
  values[Metric::memory_usage] = number(used);
  values[Metric::memory_total] = number(total);
  values[Metric::network_rx] = number(rx);
  values[Metric::network_tx] = number(tx);
  return values;
}

std::uint64_t digest_of_cpu(double cpu) {
  return sample_digest(sample(cpu));
}

const Cursor kCursor{at("2026-11-22T14:05:00.123Z"), 0x0123456789abcdef, 2};

}  // namespace

BOOST_AUTO_TEST_SUITE(CursorTest)

// Clients keep cursors over an upgrade, so these texts must be read for ever.
BOOST_AUTO_TEST_CASE(the_text_is_what_it_always_was) {
  BOOST_TEST(text_of(kCursor) == "AQAGYN32g5t4ASNFZ4mrze8AAtVh");
  BOOST_TEST(text_of({}) == "AQAAAAAAAAAAAAAAAAAAAAAAAPwb");
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read_back) {
  std::mt19937_64 random(1);
  const auto last = at("9999-12-31T23:59:59.999999Z");
  std::vector<Cursor> cursors = {kCursor, {}, {last, std::numeric_limits<std::uint64_t>::max(), 65535}};
  for (int i = 0; i < 20'000; ++i)
    cursors.push_back({Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(
                           random() % static_cast<std::uint64_t>(last.time_since_epoch().count())))),
                       random(), static_cast<std::uint16_t>(random())});
  for (const Cursor& cursor : cursors) {
    std::string text = "before";
    append_cursor(text, cursor);
    text.erase(0, 6);
    BOOST_TEST_REQUIRE(text.size() == kCursorSize);
    BOOST_TEST(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
               std::string::npos);
    const auto read = parse_cursor(text);
    BOOST_TEST_REQUIRE(read.has_value(), text);
    BOOST_TEST((*read == cursor), text);
    BOOST_TEST(!parse_iso8601(text).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_text_is_refused_or_another_cursor) {
  std::mt19937 random(2);
  std::size_t accepted = 0, tried = 0;
  const std::string text = text_of(kCursor);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      if (changed == text) continue;
      ++tried;
      const auto read = parse_cursor(changed);
      if (!read) continue;
      ++accepted;
      BOOST_TEST(!(*read == kCursor));
      BOOST_TEST(text_of(*read) == changed);
    }
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = text;
    for (int j = 0; j < 4; ++j) changed[random() % changed.size()] = "ABCXYZabcxyz0189-_"[random() % 18];
    const auto read = parse_cursor(changed);
    if (read) BOOST_TEST(text_of(*read) == changed);
  }
  BOOST_TEST(accepted * 1000 < tried);
}

BOOST_AUTO_TEST_CASE(anything_else_is_no_cursor) {
  const std::string good = text_of(kCursor);
  for (const std::string& bad :
       {std::string(), std::string("A"), good.substr(1), good.substr(0, 27), good + "A", good + "=",
        " " + good.substr(1), good.substr(0, 27) + "=", good.substr(0, 27) + "+", good.substr(0, 27) + "/",
        std::string(28, '\0'), std::string(28, 'A'), std::string(28, '_'), std::string(28, '\xff'),
        std::string(5000, 'A'), std::string("2026-11-22T14:05:00.123Z")})
    BOOST_TEST(!parse_cursor(bad).has_value(), bad);
  // A form of another version, and times that cannot be printed, with a check that is right.
  for (const Timestamp time : {Timestamp(std::chrono::microseconds(-1)), Timestamp::max(),
                               at("9999-12-31T23:59:59.999999Z") + std::chrono::microseconds(1)})
    BOOST_TEST(!parse_cursor(text_of({time, 1, 0})).has_value());
}

BOOST_AUTO_TEST_CASE(since_is_a_cursor_or_a_time) {
  const auto cursor = parse_since(text_of(kCursor));
  BOOST_TEST_REQUIRE(cursor.has_value());
  BOOST_TEST((std::get<Cursor>(*cursor) == kCursor));
  const auto time = parse_since("2026-11-22T15:05:00.123456+01:00");
  BOOST_TEST_REQUIRE(time.has_value());
  BOOST_TEST((std::get<Timestamp>(*time) == at("2026-11-22T14:05:00.123456Z")));
  for (const char* bad : {"", "2026", "2026-11-22", "2026-11-22T14:05:00", "now", "1700000000000", "0-0"})
    BOOST_TEST(!parse_since(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(SampleDigest)

// Replicas of two versions compare them, so these must never change.
BOOST_AUTO_TEST_CASE(is_what_it_always_was) {
  BOOST_TEST(sample_digest({}) == 0x2274e313311a2638u);
  BOOST_TEST(sample_digest(sample(45.68)) == 0xabe8036a56e16402u);
  BOOST_TEST(sample_digest(sample(0, 0, 0, 0, 0)) == 0xf98bd1e916d5e6c4u);
}

BOOST_AUTO_TEST_CASE(an_event_and_its_row_share_it) {
  const struct {
    double event;
    const char* row;  // NUMERIC(5,2)
  } rows[] = {{45.678, "45.68"},   {45.675, "45.68"},   {45.665, "45.67"}, {1.005, "1.01"},
              {45.2, "45.20"},     {45, "45.00"},       {0.004, "0.00"},   {0.005, "0.01"},
              {0.0049999, "0.00"}, {99.999, "100.00"},  {9.995, "10.00"},  {0.994, "0.99"},
              {0.995, "1.00"},     {-3.456, "-3.46"},   {-0.001, "0.00"},  {-0.0, "0"},
              {1e-300, "0.00"},    {0.1 + 0.2, "0.30"}, {100, "100"},      {33.333333333333336, "33.33"}};
  for (const auto& [event, row] : rows) {
    MetricValues stored = sample(0);
    stored[Metric::cpu_usage] = parse_row_value(row);
    BOOST_TEST(sample_digest(stored) == digest_of_cpu(event), row);
    BOOST_TEST(same_values(stored, sample(event)), row);
  }
}

BOOST_AUTO_TEST_CASE(a_row_with_more_decimals_shares_it_too) {
  for (const char* row : {"45.678", "45.6780", "45.67800000000001", "45.675", "4.5678e1"}) {
    MetricValues stored = sample(0);
    stored[Metric::cpu_usage] = parse_row_value(row);
    BOOST_TEST(sample_digest(stored) == digest_of_cpu(45.678), row);
  }
}

BOOST_AUTO_TEST_CASE(bytes_count_to_whole_numbers) {
  BOOST_TEST(sample_digest(sample(1, 1024.4)) == sample_digest(sample(1, 1024)));
  BOOST_TEST(sample_digest(sample(1, 1024.5)) == sample_digest(sample(1, 1025)));
  BOOST_TEST(sample_digest(sample(1, 0.5)) == sample_digest(sample(1, 1)));
  BOOST_TEST(sample_digest(sample(1, 0.4)) == sample_digest(sample(1, 0)));
  // A BIGINT is read from text into the double that an event's text gives, beyond 2^53 as well.
  MetricValues row = sample(1);
  row[Metric::network_rx] = parse_row_value("9223372036854775807");
  BOOST_TEST(sample_digest(row) == sample_digest(sample(1, 3435973836, 8589934592, 9223372036854775807.0)));
}

BOOST_AUTO_TEST_CASE(differs_with_every_value_and_with_what_is_missing) {
  std::vector<MetricValues> all = {sample(1),
                                   sample(1.01),
                                   sample(10),
                                   sample(100),
                                   sample(0.1),
                                   sample(0.01),
                                   sample(-1),
                                   sample(1, 1),
                                   sample(1, 2),
                                   sample(1, 3435973836, 1),
                                   sample(1, 3435973836, 8589934592, 1),
                                   sample(1, 3435973836, 8589934592, 1234, 1),
                                   sample(0),
                                   {}};
  for (const Metric metric :
       {Metric::cpu_usage, Metric::memory_usage, Metric::memory_total, Metric::network_rx, Metric::network_tx}) {
    all.push_back(sample(1));
    all.back()[metric].present = false;
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST((sample_digest(all[i]) != sample_digest(all[j])), i << " and " << j);
}

// Some tables lack these columns, and a range of history does not read them.
BOOST_AUTO_TEST_CASE(leaves_out_what_not_every_table_has) {
  MetricValues values = sample(1);
  values[Metric::cpu_temp] = number(51);
  values[Metric::storage_usage] = number(1);
  values[Metric::storage_total] = number(2);
  BOOST_TEST(sample_digest(values) == sample_digest(sample(1)));
}

BOOST_AUTO_TEST_CASE(takes_every_double) {
  std::mt19937_64 random(3);
  for (const double value : {std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest(),
                             std::numeric_limits<double>::min(), std::numeric_limits<double>::denorm_min(),
                             1.7976931348623157e308, 9.9999999999999999e22, 123456789012345680000.0})
    BOOST_TEST(digest_of_cpu(value) == digest_of_cpu(value));
  BOOST_TEST(digest_of_cpu(std::numeric_limits<double>::infinity()) ==
             digest_of_cpu(std::numeric_limits<double>::quiet_NaN()));
  for (int i = 0; i < 20'000; ++i) {
    // Steps of a hundredth are all different, and half a step further is the same or the next one.
    const double step = static_cast<double>(random() % 10'000);
    BOOST_TEST(digest_of_cpu(step / 100) != digest_of_cpu((step + 1) / 100));
    BOOST_TEST(digest_of_cpu((step + 0.3) / 100) == digest_of_cpu(step / 100));
    BOOST_TEST(digest_of_cpu((step + 0.7) / 100) == digest_of_cpu((step + 1) / 100));
  }
}

BOOST_AUTO_TEST_CASE(whether_there_is_anything_to_round_makes_no_difference) {
  const auto digest = [](double cpu, double memory) {
    MetricValues values;
    values[Metric::cpu_usage] = {cpu, true, -1};
    values[Metric::memory_usage] = {memory, true, -1};
    return sample_digest(values);
  };
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto cents = static_cast<double>(random() % 100'000);
    const auto bytes = static_cast<double>(random() % (std::uint64_t{1} << (1 + random() % 44)));
    const double sign = random() % 2 == 0 ? 1 : -1;
    BOOST_REQUIRE(digest(sign * cents / 100, bytes) == digest(sign * (cents / 100 + 0.001), bytes + 0.25));
    BOOST_REQUIRE(digest(cents / 100, bytes) != digest(cents / 100 + 0.006, bytes));
    BOOST_REQUIRE(digest(cents / 100, bytes) != digest(cents / 100, bytes + 0.75));
  }
}

BOOST_AUTO_TEST_SUITE_END()
