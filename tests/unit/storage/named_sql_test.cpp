// Named SQL: what a file may hold, and that every fault is reported with file and line.
#include "storage/named_sql.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

using namespace pulsegate::storage;

namespace {

// The sentence with which `text` is refused, empty when it is accepted.
std::string refusal(std::string_view text) {
  try {
    parse_sql(text, "own.sql");
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

// A file that exists as long as the object does.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int file = ::mkstemp(path_.data());
    BOOST_REQUIRE(file >= 0);
    BOOST_REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(file);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/pulsegate-sql-XXXXXX";
};

}  // namespace

BOOST_AUTO_TEST_SUITE(NamedSql)

BOOST_AUTO_TEST_CASE(reads_sections_without_comments_and_final_semicolon) {
  const SqlStatements found = parse_sql(
      "-- Our tables: a note with a colon.\n\n-- name: clock\nSELECT 1 -- now: it's simple\n;\n"
      "--name:latest_state\r\nSELECT 2\nWHERE x = :device\n",
      "own.sql");
  BOOST_REQUIRE_EQUAL(found.size(), 2u);
  BOOST_TEST(found.at("clock").text == "SELECT 1");
  BOOST_TEST(found.at("clock").origin == "own.sql:3");
  BOOST_TEST(found.at("latest_state").text == "SELECT 2\nWHERE x = :device");
  BOOST_TEST(found.at("latest_state").origin == "own.sql:6");
}

BOOST_AUTO_TEST_CASE(leaves_quoted_text_alone) {
  const SqlStatements found = parse_sql(
      "-- name: latest_state\nSELECT '12:30 -- ;', \"a;b\" FROM t WHERE k = 'a''::b' AND d = :device", "own.sql");
  BOOST_TEST(found.at("latest_state").text == "SELECT '12:30 -- ;', \"a;b\" FROM t WHERE k = 'a''::b' AND d = :device");
}

BOOST_AUTO_TEST_CASE(an_empty_file_has_no_statements) {
  BOOST_TEST(parse_sql("-- nothing yet\n", "own.sql").empty());
}

BOOST_AUTO_TEST_CASE(refuses_text_before_the_first_name) {
  BOOST_TEST(refusal("\nSELECT 1\n-- name: clock\nSELECT 1") == "own.sql:2: text before the first '-- name: …' line");
}

BOOST_AUTO_TEST_CASE(refuses_an_unknown_name) {
  BOOST_TEST(refusal("-- name: clock\nSELECT 1\n-- name: metrics\nSELECT 2") ==
             "own.sql:3: unknown statement 'metrics'; there are clock, metrics_window, latest_state, "
             "range_count, range_rows, range_extremes, range_mean, rows_after");
}

BOOST_AUTO_TEST_CASE(refuses_a_name_twice) {
  BOOST_TEST(refusal("-- name: clock\nSELECT 1\n-- name: clock\nSELECT 2") ==
             "own.sql:3: statement 'clock' stands here for the second time");
}

BOOST_AUTO_TEST_CASE(refuses_an_empty_statement) {
  BOOST_TEST(refusal("-- name: clock\n-- only a comment\n;\n") == "own.sql:1: statement 'clock' is empty");
}

BOOST_AUTO_TEST_CASE(refuses_two_statements_in_one_section) {
  BOOST_TEST(refusal("-- name: clock\nSELECT 1;\nDROP TABLE x;") ==
             "own.sql:3: a section holds one statement, but a second one begins here");
}

BOOST_AUTO_TEST_CASE(refuses_a_cast_with_colons) {
  BOOST_TEST(refusal("-- name: latest_state\nSELECT\nx::text FROM t WHERE d = :device") ==
             "own.sql:3: write CAST(x AS type) instead of x::type");
}

BOOST_AUTO_TEST_CASE(refuses_a_parameter_that_the_statement_does_not_have) {
  BOOST_TEST(refusal("-- name: clock\nSELECT :device") == "own.sql:2: statement 'clock' has no parameter ':device'");
  BOOST_TEST(refusal("-- name: latest_state\nSELECT a[1:2] FROM t WHERE d = :device") ==
             "own.sql:2: statement 'latest_state' has no parameter ':2'");
}

BOOST_AUTO_TEST_CASE(refuses_a_missing_parameter) {
  BOOST_TEST(refusal("-- name: latest_state\nSELECT 1") == "own.sql:1: statement 'latest_state' must use :device");
  BOOST_TEST(refusal("-- name: metrics_window\nSELECT 1 WHERE d = :device") ==
             "own.sql:1: statement 'metrics_window' must use LIMIT :points");
  BOOST_TEST(refusal("-- name: range_mean\nSELECT 1 WHERE d = :device AND t > :from AND t < :to") ==
             "own.sql:1: statement 'range_mean' must use :buckets");
}

BOOST_AUTO_TEST_CASE(a_set_needs_all_statements) {
  BOOST_CHECK_EXCEPTION(
      SqlSet(parse_sql("-- name: clock\nSELECT 1", "own.sql"), "own.sql"), std::invalid_argument,
      [](const auto& error) { return std::string(error.what()) == "own.sql has no statement 'metrics_window'"; });
}

BOOST_AUTO_TEST_CASE(both_profiles_are_complete) {
  const SqlSet guide = load_sql("guide");
  const SqlSet devices = load_sql("devices-table");
  BOOST_TEST(guide.latest_state().text.find("device_state_records") != std::string::npos);
  BOOST_TEST(devices.latest_state().text.find("FROM devices") != std::string::npos);
  BOOST_TEST(guide.metrics_window().text == devices.metrics_window().text);
  BOOST_TEST(guide.clock().text.find(":") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_override_replaces_only_what_it_names) {
  const TemporaryFile file("-- name: latest_state\nSELECT mine WHERE d = :device");
  const SqlSet sql = load_sql("devices-table", file.path());
  BOOST_TEST(sql.latest_state().text == "SELECT mine WHERE d = :device");
  BOOST_TEST(sql.latest_state().origin == file.path() + ":1");
  BOOST_TEST(sql.metrics_window().text == load_sql("guide").metrics_window().text);
}

BOOST_AUTO_TEST_CASE(refuses_faulty_profiles_and_files) {
  BOOST_CHECK_THROW(load_sql("gide"), std::invalid_argument);
  BOOST_CHECK_THROW(load_sql("guide", "/nonexistent/own.sql"), std::invalid_argument);
  BOOST_CHECK_THROW(load_sql("guide", "/"), std::invalid_argument);
  const TemporaryFile file("-- nothing\n");
  BOOST_CHECK_THROW(load_sql("guide", file.path()), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(points_become_a_number) {
  BOOST_TEST(with_points("SELECT ':points' WHERE d = :device LIMIT :points", 120) ==
             "SELECT ':points' WHERE d = :device LIMIT 120");
}

BOOST_AUTO_TEST_CASE(a_statement_that_reads_batches_whole_says_so) {
  BOOST_TEST(keeps_ties(load_sql("guide").metrics_window().text));
  BOOST_TEST(keeps_ties("SELECT 1 FETCH FIRST :points ROWS with\n  Ties"));
  BOOST_TEST(!keeps_ties("SELECT 'WITH TIES' LIMIT :points"));
  BOOST_TEST(!keeps_ties("SELECT with_ties FROM with ties_ LIMIT :points"));
  BOOST_TEST(!keeps_ties(""));
}

BOOST_AUTO_TEST_SUITE_END()
