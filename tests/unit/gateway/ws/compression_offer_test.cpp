// Which offers of permessage-deflate are agreed to, and with what answer (RFC 7692, section 7.1).
#include "gateway/ws/compression_offer.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using pulsegate::ws::answer_compression_offer;

namespace {

const std::string kAnswer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

std::string answer(const std::string& offers) {
  return answer_compression_offer(offers).value_or("none");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(CompressionOffer)

BOOST_AUTO_TEST_CASE(what_clients_commonly_offer_is_accepted) {
  for (const char* offer :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate;client_max_window_bits",
        "permessage-deflate; client_max_window_bits=15", "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=\"10\"", "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits",
        "  permessage-deflate \t;  client_max_window_bits  =  12  "})
    BOOST_TEST(answer(offer) == kAnswer, offer);
}

BOOST_AUTO_TEST_CASE(a_window_of_the_servers_own_size_is_confirmed) {
  BOOST_TEST(answer("permessage-deflate; server_max_window_bits=15") == kAnswer + "; server_max_window_bits=15");
  BOOST_TEST(answer("permessage-deflate; server_max_window_bits=\"15\"; client_max_window_bits") ==
             kAnswer + "; server_max_window_bits=15");
}

BOOST_AUTO_TEST_CASE(a_smaller_window_than_that_of_the_shared_frames_is_declined) {
  for (const char* bits : {"8", "9", "10", "14"})
    BOOST_TEST(answer(std::string("permessage-deflate; server_max_window_bits=") + bits) == "none", bits);
}

BOOST_AUTO_TEST_CASE(the_first_acceptable_offer_is_taken) {
  BOOST_TEST(answer("permessage-deflate; server_max_window_bits=10, permessage-deflate") == kAnswer);
  BOOST_TEST(answer("permessage-deflate; server_max_window_bits=15, permessage-deflate") ==
             kAnswer + "; server_max_window_bits=15");
  BOOST_TEST(answer("x-webkit-deflate-frame, permessage-bzip2; level=\"a, b; c\", permessage-deflate") == kAnswer);
  BOOST_TEST(answer("permessage-deflate; nonsense=1, permessage-deflate; client_max_window_bits") == kAnswer);
}

BOOST_AUTO_TEST_CASE(invalid_parameters_are_declined) {
  for (const char* parameters :
       {"unknown", "unknown=1", "server_no_context_takeover=1", "server_no_context_takeover=true",
        "client_no_context_takeover=\"\"", "client_no_context_takeover=0", "server_max_window_bits",
        "server_max_window_bits=", "server_max_window_bits=16", "server_max_window_bits=015",
        "server_max_window_bits=15.0", "server_max_window_bits=-15", "client_max_window_bits=7",
        "client_max_window_bits=16", "client_max_window_bits=08", "client_max_window_bits=", "client_max_window_bits=x",
        "client_max_window_bits=99999999999999999999", "Client_Max_Window_Bits"})
    BOOST_TEST(answer(std::string("permessage-deflate; ") + parameters) == "none", parameters);
}

// RFC 7692, section 7.1: a parameter that stands twice declines the offer.
BOOST_AUTO_TEST_CASE(repeated_parameters_are_declined) {
  for (const char* parameter : {"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits",
                                "server_max_window_bits=15", "client_max_window_bits=15"})
    BOOST_TEST(answer(std::string("permessage-deflate; ") + parameter + "; " + parameter) == "none", parameter);
}

BOOST_AUTO_TEST_CASE(malformed_headers_are_declined_and_do_not_hide_a_good_offer) {
  for (const char* offers :
       {"", " ", ",", ",,,", ";", "=", "\"", "permessage-deflate;", "permessage-deflate; ;", "permessage-deflate; =15",
        "permessage-deflate; client_max_window_bits=\"10", "permessage-deflate client_max_window_bits",
        "permessage-deflate; a b", "permessage-deflate=1", "permessage-deflated", "PERMESSAGE-DEFLATE",
        "permessage-deflate; client_max_window_bits=1\"5\"", "\"permessage-deflate\"", "permessage-deflate\x01"}) {
    const bool tolerated = std::string(offers) == "permessage-deflate;";
    BOOST_TEST(answer(offers) == (tolerated ? kAnswer : "none"), offers);
  }
  BOOST_TEST(answer(",, permessage-deflate; =, permessage-deflate") == kAnswer);
}

BOOST_AUTO_TEST_CASE(a_header_of_any_length_is_read_in_one_pass) {
  std::string offers;
  while (offers.size() < 16'000) offers += "permessage-deflate; x=\"1\",";
  BOOST_TEST(answer(offers) == "none");
  BOOST_TEST(answer(offers + "permessage-deflate") == kAnswer);
  BOOST_TEST(answer("permessage-deflate" + std::string(16'000, ';')) == "none");
}

BOOST_AUTO_TEST_SUITE_END()
