#include "gateway/access/revocations.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::access;

BOOST_AUTO_TEST_SUITE(RevocationList)

BOOST_AUTO_TEST_CASE(lines_are_names_and_comments_are_not) {
  const auto list =
      Revocations::parse("\xEF\xBB\xBF# taken back\n\n  jti:a  \r\nsub:Zo\xc3\xab Smith\n\tplain\n#b\nlast");
  BOOST_TEST_REQUIRE(list.has_value());
  BOOST_TEST(list->size() == 4u);
  BOOST_TEST(list->contains({"", "a", ""}));
  BOOST_TEST(list->contains({"Zo\xc3\xab Smith", "", ""}));
  BOOST_TEST(list->contains({"plain", "", ""}));
  BOOST_TEST(list->contains({"", "plain", ""}));
  BOOST_TEST(list->contains({"x", "last", ""}));
  BOOST_TEST(!list->contains({"a", "b", ""}));
  BOOST_TEST(!list->contains({"", "", ""}));
}

BOOST_AUTO_TEST_CASE(an_empty_list_revokes_nobody_and_no_list_is_refused) {
  BOOST_TEST(Revocations::parse("")->size() == 0u);
  BOOST_TEST(!Revocations::parse("")->contains({"", "", ""}));
  BOOST_TEST(Revocations::parse(std::string(260, 'x')).has_value());
  BOOST_TEST(!Revocations::parse(std::string(261, 'x')).has_value());
  std::string many;
  for (std::size_t i = 0; i <= Revocations::kMaxEntries; ++i) many += std::to_string(i) + "\n";
  BOOST_TEST(!Revocations::parse(many).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
