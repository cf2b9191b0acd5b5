// The table of close codes: complete, ordered, and short enough for the wire.
#include "proto/close_code.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace pulsegate::proto;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(CloseTableTest)

BOOST_AUTO_TEST_CASE(is_ordered_and_free_of_repeats) {
  std::size_t count = 0;
  const CloseInfo* table = close_table(count);
  BOOST_TEST(count == 17u);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) BOOST_TEST((table[i - 1].code < table[i].code));
    BOOST_TEST(names.insert(table[i].name).second);
    BOOST_TEST(!table[i].name.empty());
    BOOST_TEST(table[i].name.size() <= 123u);
    BOOST_TEST(table[i].meaning.back() == '.');
    BOOST_TEST(&close_info(table[i].code) == &table[i]);
    BOOST_TEST((find_close_code(static_cast<std::uint16_t>(table[i].code)) == table[i].code));
    if (!table[i].reconnect) BOOST_TEST(table[i].after.count() == 0);
  }
}

BOOST_AUTO_TEST_CASE(knows_no_code_that_is_not_ours) {
  for (const int code : {0, 999, 1004, 1005, 1006, 1010, 1014, 1015, 3000, 4000, 4402, 4999, 65535})
    BOOST_TEST(!find_close_code(static_cast<std::uint16_t>(code)).has_value(), code);
}

BOOST_AUTO_TEST_CASE(tells_who_may_reconnect_and_after_how_long) {
  const struct {
    CloseCode code;
    bool reconnect;
    int after_ms;
  } rows[] = {
      {CloseCode::normal, false, 0},
      {CloseCode::going_away, true, 1000},
      {CloseCode::policy_violation, false, 0},
      {CloseCode::internal_error, true, 1000},
      {CloseCode::service_restart, true, 1000},
      {CloseCode::try_again_later, true, 5000},
      {CloseCode::unauthorized, false, 0},
      {CloseCode::idle, true, 0},
      {CloseCode::too_many_requests, true, 10000},
      {CloseCode::slow_consumer, true, 5000},
  };
  for (const auto& row : rows) {
    BOOST_TEST(close_info(row.code).reconnect == row.reconnect, close_info(row.code).name);
    BOOST_TEST((close_info(row.code).after == milliseconds(row.after_ms)), close_info(row.code).name);
  }
}

BOOST_AUTO_TEST_CASE(takes_a_code_outside_the_table_for_our_own_fault) {
  BOOST_TEST((close_info(static_cast<CloseCode>(4999)).code == CloseCode::internal_error));
}

BOOST_AUTO_TEST_SUITE_END()
