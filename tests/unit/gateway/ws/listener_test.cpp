// Steering: which shard a request goes to, from its first line.
#include "gateway/ws/listener.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "proto/device_id.hpp"

using pulsegate::proto::DeviceId;

namespace {

std::size_t shard_of_request_line(const std::string& line, std::size_t shards) {
  std::size_t next_fleet = 0;
  return pulsegate::ws::shard_of_request_line(line, shards, next_fleet);
}

const std::string kDevice = "0f9d4a3e-4a8b-4a54-9d1e-5f2d3c1b0a99";

}  // namespace

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

BOOST_AUTO_TEST_CASE(sockets_of_many_devices_go_to_one_shard_after_the_other) {
  std::size_t next = 5;
  std::vector<std::size_t> shards;
  for (const char* target : {"/api/v1/ws", "/api/v1/ws?token=x", "http://gateway/api/v1/ws/"})
    shards.push_back(pulsegate::ws::shard_of_request_line("GET " + std::string(target) + " HTTP/1.1", 7, next));
  BOOST_TEST(shards == (std::vector<std::size_t>{5, 6, 0}), boost::test_tools::per_element());
  pulsegate::ws::shard_of_request_line("GET /api/v1/devices/" + kDevice + "/ws HTTP/1.1", 7, next);
  BOOST_TEST(next == 8u);
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
