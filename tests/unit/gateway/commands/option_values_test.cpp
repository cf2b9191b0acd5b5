// Durations, sizes, numbers and addresses: what is read, what is refused, and that what is shown reads back.
#include "gateway/commands/option_values.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

using namespace pulsegate;
using namespace pulsegate::commands;
using namespace std::chrono_literals;

namespace {

std::string address(std::string_view text) {
  const auto read = read_address(text);
  return read ? read->host + " " + std::to_string(read->port) : "refused";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(OptionValues)

BOOST_AUTO_TEST_CASE(durations_have_a_unit) {
  BOOST_TEST((read_duration("500ms") == 500ms));
  BOOST_TEST((read_duration("2s") == 2s));
  BOOST_TEST((read_duration("5m") == 5min));
  BOOST_TEST((read_duration("1h") == 1h));
  BOOST_TEST((read_duration("0") == 0ms));
  BOOST_TEST((read_duration("0s") == 0ms));
}

BOOST_AUTO_TEST_CASE(other_durations_are_refused) {
  for (const char* text : {"", "5", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1d", "1mss", "ms", "0x1s",
                           "9223372036854775807h", "99999999999999999999s"})
    BOOST_TEST(!read_duration(text).has_value(), "read: " << text);
}

BOOST_AUTO_TEST_CASE(durations_are_shown_in_the_largest_exact_unit) {
  BOOST_TEST(show_duration(0ms) == "0");
  BOOST_TEST(show_duration(1500ms) == "1500ms");
  BOOST_TEST(show_duration(25s) == "25s");
  BOOST_TEST(show_duration(90s) == "90s");
  BOOST_TEST(show_duration(300s) == "5m");
  BOOST_TEST(show_duration(7200s) == "2h");
}

BOOST_AUTO_TEST_CASE(sizes_are_bytes_or_binary_units) {
  BOOST_TEST(read_size("4096").value() == 4096u);
  BOOST_TEST(read_size("64KiB").value() == 65'536u);
  BOOST_TEST(read_size("1MiB").value() == 1'048'576u);
  BOOST_TEST(read_size("2GiB").value() == 2'147'483'648u);
  for (const char* text : {"", "KiB", "-1", "64KB", "64k", "64kib", "1.5MiB", "64 KiB", "1TiB", "17179869184GiB"})
    BOOST_TEST(!read_size(text).has_value(), "read: " << text);
}

BOOST_AUTO_TEST_CASE(sizes_are_shown_in_the_largest_exact_unit) {
  BOOST_TEST(show_size(0) == "0");
  BOOST_TEST(show_size(1000) == "1000");
  BOOST_TEST(show_size(65'536) == "64KiB");
  BOOST_TEST(show_size(1'048'576) == "1MiB");
  BOOST_TEST(show_size(1'048'577) == "1048577");
}

BOOST_AUTO_TEST_CASE(what_is_shown_reads_back) {
  for (const Millis value : {0ms, 1ms, 999ms, 1'000ms, 61'000ms, 60'000ms, 3'600'000ms})
    BOOST_TEST((read_duration(show_duration(value)) == value));
  for (const std::size_t value : {0u, 1u, 1023u, 1024u, 1536u, 1u << 20, 1u << 30})
    BOOST_TEST((read_size(show_size(value)) == value));
  for (const double value : {0.1, 1.0, 20.0, 500.0, 1000000.0}) BOOST_TEST((read_real(show_real(value)) == value));
}

BOOST_AUTO_TEST_CASE(counts_are_whole_numbers) {
  BOOST_TEST(read_count("0").value() == 0u);
  BOOST_TEST(read_count("18446744073709551615").value() == 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "18446744073709551616"})
    BOOST_TEST(!read_count(text).has_value(), "read: " << text);
}

BOOST_AUTO_TEST_CASE(reals_are_plain_decimals) {
  BOOST_TEST(read_real("0.5").value() == 0.5);
  BOOST_TEST(read_real("20").value() == 20.0);
  for (const char* text : {"", "nan", "inf", "1e3", "1,5", "1.5x", " 1", "+1"})
    BOOST_TEST(!read_real(text).has_value(), "read: " << text);
}

BOOST_AUTO_TEST_CASE(addresses_have_a_host_and_a_port) {
  BOOST_TEST(address("0.0.0.0:8080") == "0.0.0.0 8080");
  BOOST_TEST(address("localhost:1") == "localhost 1");
  BOOST_TEST(address("[::1]:0") == "::1 0");
  BOOST_TEST(address("[::]:65535") == ":: 65535");
  BOOST_TEST(address(":8080") == "0.0.0.0 8080");
}

BOOST_AUTO_TEST_CASE(other_addresses_are_refused) {
  for (const char* text : {"", "8080", "localhost", "localhost:", "::1:80", "[::1]", "[]:80", "[host]:80", "[::1:80",
                           "a:65536", "a:-1", "a:x", "a b:80", "http://a:80", "a@b:80", "a]:80"})
    BOOST_TEST(address(text) == "refused", "read: " << text);
}

BOOST_AUTO_TEST_CASE(addresses_are_shown_with_brackets_around_ipv6) {
  BOOST_TEST(show_address({"::1", 80}) == "[::1]:80");
  BOOST_TEST(show_address({"127.0.0.1", 80}) == "127.0.0.1:80");
}

BOOST_AUTO_TEST_CASE(edit_distance_counts_single_edits) {
  BOOST_TEST(edit_distance("", "") == 0u);
  BOOST_TEST(edit_distance("", "abc") == 3u);
  BOOST_TEST(edit_distance("lisen", "listen") == 1u);
  BOOST_TEST(edit_distance("kitten", "sitting") == 3u);
}

BOOST_AUTO_TEST_CASE(trim_drops_blanks_on_both_sides) {
  BOOST_TEST(trim(" \ta b\r\n") == "a b");
  BOOST_TEST(trim(" \t ") == "");
}

BOOST_AUTO_TEST_SUITE_END()
