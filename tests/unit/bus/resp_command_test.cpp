// append_command: the bytes that Redis expects, whatever an argument holds.
#include "bus/resp_command.hpp"

#include <boost/test/unit_test.hpp>

using pulsegate::bus::append_command;

BOOST_AUTO_TEST_SUITE(RespCommandTest)

BOOST_AUTO_TEST_CASE(arguments_are_counted_bulk_strings) {
  std::string out = "before";
  append_command(out, {"SUBSCRIBE", "a", "bc"});
  BOOST_TEST(out == "before*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$2\r\nbc\r\n");
}

BOOST_AUTO_TEST_CASE(any_byte_may_stand_in_an_argument) {
  std::string out;
  append_command(out, {std::string_view("\0\r\n", 3), "", std::string_view()});
  BOOST_TEST(out == std::string("*3\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n$0\r\n\r\n", 25));
}

BOOST_AUTO_TEST_SUITE_END()
