// When a client comes back: the table of close codes, HTTP refusals, hints, backoff and jitter.
#include "gateway/commands/reconnect.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>

using namespace pulsegate::commands;
using namespace std::chrono_literals;

namespace {

Plan after_close(int code, unsigned failures = 0, double random = 0, std::chrono::milliseconds hint = 0ms) {
  Ended ended;
  ended.close_code = static_cast<std::uint16_t>(code);
  ended.failures = failures;
  ended.random = random;
  ended.hint = hint;
  return plan_reconnect(ended);
}

Plan after_status(int status) {
  Ended ended;
  ended.http_status = status;
  return plan_reconnect(ended);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Reconnect)

BOOST_AUTO_TEST_CASE(codes_that_forbid_it_end_the_client) {
  for (const int code : {1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404})
    BOOST_TEST(!after_close(code).reconnect, code);
}

BOOST_AUTO_TEST_CASE(codes_that_allow_it_wait_as_long_as_the_table_says) {
  BOOST_TEST((after_close(1013).after == 5s));
  BOOST_TEST((after_close(1012).after == 1s));
  BOOST_TEST((after_close(4429).after == 10s));
  for (const int code : {1001, 1011, 1012, 1013, 4408, 4429, 4508}) BOOST_TEST(after_close(code).reconnect, code);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_backs_off_up_to_half_a_minute) {
  BOOST_TEST(after_close(1006).reconnect);
  BOOST_TEST((after_close(1006, 0).after == 500ms));
  BOOST_TEST((after_close(1006, 1).after == 1s));
  BOOST_TEST((after_close(1006, 3).after == 4s));
  BOOST_TEST((after_close(1006, 6).after == 30s));
  BOOST_TEST((after_close(1006, 4'000'000'000u).after == 30s));
}

BOOST_AUTO_TEST_CASE(jitter_adds_up_to_half) {
  BOOST_TEST((after_close(1013, 0, 0.5).after == 6250ms));
  BOOST_TEST((after_close(1013, 0, 0.999999).after < 7500ms));
}

BOOST_AUTO_TEST_CASE(a_hint_of_the_server_delays_and_is_bounded) {
  BOOST_TEST((after_close(1012, 0, 0, 12s).after == 12s));
  BOOST_TEST((after_close(1013, 0, 0, 1s).after == 5s));
  BOOST_TEST((after_close(1012, 0, 0, 24h).after == 10min));
}

BOOST_AUTO_TEST_CASE(an_http_refusal_is_final_unless_it_will_pass) {
  for (const int status : {400, 401, 403, 404, 405, 426}) BOOST_TEST(!after_status(status).reconnect, status);
  for (const int status : {408, 429, 500, 502, 503}) BOOST_TEST(after_status(status).reconnect, status);
  BOOST_TEST(after_status(404).reason.find("404") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(foreign_codes_count_as_a_lost_connection) {
  BOOST_TEST(after_close(3333).reconnect);
}

BOOST_AUTO_TEST_SUITE_END()
