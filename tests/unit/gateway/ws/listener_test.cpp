// Steering: which shard a request goes to, from its first line.
#include "gateway/ws/listener.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "proto/device_id.hpp"

using pulsegate::proto::DeviceId;
using pulsegate::ws::shard_of_request_line;

namespace {
const std::string kDevice = "0f9d4a3e-4a8b-4a54-9d1e-5f2d3c1b0a99";
}

BOOST_AUTO_TEST_SUITE(Steering)

BOOST_AUTO_TEST_CASE(both_endpoints_and_either_case_of_a_device_go_to_its_shard) {
  const std::size_t shard = DeviceId::parse(kDevice)->hash() % 7;
  BOOST_TEST(shard_of_request_line("GET /api/v1/devices/" + kDevice + "/ws HTTP/1.1\r", 7) == shard);
  BOOST_TEST(shard_of_request_line("GET /ws?deviceUuid=" + kDevice + "&token=x HTTP/1.1", 7) == shard);
  BOOST_TEST(shard_of_request_line("GET /api/v1/devices/" + kDevice + "/snapshot HTTP/1.0", 7) == shard);
  BOOST_TEST(shard_of_request_line("GET /api/v1/devices/" + kDevice + "/history?from=0 HTTP/1.1", 7) == shard);
  BOOST_TEST(shard_of_request_line("GET /api/v1/devices/0F9D4A3E-4A8B-4A54-9D1E-5F2D3C1B0A99/ws HTTP/1.1", 7) == shard);
}

BOOST_AUTO_TEST_CASE(what_names_no_device_goes_to_shard_0) {
  for (const char* line : {"", "GET", "GET ", "GET / HTTP/1.1", "GET /api/v1/devices/nope/ws HTTP/1.1", "\x16\x03\x01"})
    BOOST_TEST(shard_of_request_line(line, 7) == 0u);
}

BOOST_AUTO_TEST_CASE(devices_spread_over_all_shards) {
  std::set<std::size_t> used;
  for (int i = 0; i < 64; ++i) {
    char id[37];
    std::snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", i);
    used.insert(shard_of_request_line(std::string("GET /api/v1/devices/") + id + "/ws HTTP/1.1", 4));
  }
  BOOST_TEST(used.size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
