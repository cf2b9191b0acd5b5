// When the database counts as down, and what is logged about it.
#include "storage/availability.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::storage;

namespace {

std::string text(const std::optional<Availability::Line>& line) {
  return line ? line->text : "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(AvailabilitySuite)

BOOST_AUTO_TEST_CASE(starting_is_not_down) {
  const Availability database(2);
  BOOST_TEST(!database.down());
  BOOST_TEST(database.established() == 0u);
}

BOOST_AUTO_TEST_CASE(the_first_connection_is_logged_and_the_others_are_not) {
  Availability database(2);
  BOOST_TEST(text(database.connected(0)) == "connected to the database");
  BOOST_TEST(text(database.connected(1)) == "");
  BOOST_TEST(database.established() == 2u);
}

BOOST_AUTO_TEST_CASE(an_outage_gives_three_lines) {
  Availability database(2);
  database.connected(0);
  database.connected(1);
  BOOST_TEST(text(database.lost(0, "gone")) == "a database connection was lost and will be made anew: gone");
  BOOST_TEST(text(database.lost(1, "gone")) == "");
  BOOST_TEST(!database.down());
  BOOST_TEST(text(database.refused(0, "refused")) == "the database cannot be reached, snapshots have to wait: refused");
  BOOST_TEST(database.down());
  BOOST_TEST(text(database.refused(1, "refused")) == "");
  BOOST_TEST(text(database.refused(0, "refused")) == "");
  BOOST_TEST(text(database.connected(1)) == "the database can be reached again");
  BOOST_TEST(!database.down());
  BOOST_TEST(text(database.connected(0)) == "");
  BOOST_TEST(text(database.lost(0, "again")) != "");
}

BOOST_AUTO_TEST_CASE(down_at_start_is_logged_once) {
  Availability database(1);
  BOOST_TEST(text(database.refused(0, "refused")) == "the database cannot be reached, snapshots have to wait: refused");
  BOOST_TEST(text(database.refused(0, "refused")) == "");
  BOOST_TEST(text(database.connected(0)) == "connected to the database");
}

BOOST_AUTO_TEST_CASE(a_refusal_while_others_are_untried_is_not_down) {
  Availability database(2);
  BOOST_TEST(text(database.refused(0, "too many clients")) == "");
  BOOST_TEST(!database.down());
  BOOST_TEST(text(database.connected(1)) == "connected to the database");
  BOOST_TEST(text(database.refused(0, "too many clients")) != "");
  BOOST_TEST(!database.down());
}

BOOST_AUTO_TEST_CASE(too_few_connections_are_not_down) {
  Availability database(3);
  database.connected(0);
  BOOST_TEST(text(database.refused(1, "too many clients")) ==
             "only 1 of 3 database connections can be made: too many clients");
  BOOST_TEST(text(database.refused(2, "too many clients")) == "");
  BOOST_TEST(!database.down());
  BOOST_TEST(text(database.connected(1)) == "");
  BOOST_TEST(text(database.connected(2)) == "all database connections are established");
}

BOOST_AUTO_TEST_CASE(remembers_the_latest_reason) {
  Availability database(1);
  database.connected(0);
  database.lost(0, "one");
  database.refused(0, "two");
  BOOST_TEST(database.reason() == "two");
}

BOOST_AUTO_TEST_SUITE_END()
