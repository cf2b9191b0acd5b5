#include "gateway/web/accept_encoding.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace pulsegate::web;

namespace {

void check(const std::vector<std::pair<const char*, Coding>>& cases) {
  for (const auto& [accept, coding] : cases)
    BOOST_TEST(name(choose_coding(accept)) == name(coding), "'" << accept << "'");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(AcceptEncoding)

BOOST_AUTO_TEST_CASE(browsers_get_the_shortest_form_that_they_take) {
  check({{"gzip, deflate, br, zstd", Coding::brotli},
         {"gzip, deflate", Coding::gzip},
         {"gzip", Coding::gzip},
         {"br", Coding::brotli},
         {"BR, GZIP", Coding::brotli},
         {"x-gzip", Coding::gzip},
         {"*", Coding::brotli}});
}

BOOST_AUTO_TEST_CASE(who_asks_for_nothing_gets_it_as_it_is) {
  check({{"", Coding::identity},
         {"identity", Coding::identity},
         {"deflate", Coding::identity},
         {"zstd, deflate;q=0.5", Coding::identity},
         {" , ,, ", Coding::identity}});
}

BOOST_AUTO_TEST_CASE(weights_decide) {
  check({{"gzip;q=1.0, br;q=0.9", Coding::gzip},
         {"gzip; q=0.8 , br ; q=0.8", Coding::brotli},
         {"gzip;q=0.001", Coding::gzip},
         {"gzip;q=0.5, identity", Coding::identity},
         {"gzip;q=0.5, identity;q=0.5", Coding::gzip},
         {"br;Q=0.2, gzip;Q=0.3", Coding::gzip},
         {"br;q=0.1, *;q=0.7", Coding::gzip},
         {"gzip;level=9;q=0.4, br;q=0.5", Coding::brotli}});
}

BOOST_AUTO_TEST_CASE(a_weight_of_nothing_forbids) {
  check({{"br;q=0, gzip", Coding::gzip},
         {"br;q=0.000, gzip;q=0", Coding::identity},
         {"*;q=0", Coding::identity},
         {"*, br;q=0", Coding::gzip},
         {"identity;q=0, gzip;q=0.001", Coding::gzip},
         {"*;q=0, gzip;q=0.5", Coding::gzip}});
}

BOOST_AUTO_TEST_CASE(weights_that_are_none_are_overlooked) {
  for (const char* weight : {"", "2", "1.1", "0.1234", "-1", "x", ".5", "1.0000", "0.0x"})
    BOOST_TEST(name(choose_coding(std::string("gzip;q=") + weight)) == "gzip", weight);
}

BOOST_AUTO_TEST_CASE(of_a_coding_that_is_named_twice_the_first_counts) {
  check({{"br;q=0, br, gzip;q=0", Coding::identity}});
}

BOOST_AUTO_TEST_SUITE_END()
