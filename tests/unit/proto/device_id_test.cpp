// DeviceId: one textual form in, one out, and a hash that spreads sequential ids.
#include "proto/device_id.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <map>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::device;

BOOST_AUTO_TEST_SUITE(DeviceIdTest)

BOOST_AUTO_TEST_CASE(prints_what_it_parsed_in_lower_case) {
  BOOST_TEST(device("0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f").text() == "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f");
  BOOST_TEST(device("0F3C9A52-7D1E-4B86-9C2F-1A2B3C4D5E6F").text() == "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f");
  BOOST_TEST(device("ffffffff-ffff-ffff-ffff-ffffffffffff").text() == "ffffffff-ffff-ffff-ffff-ffffffffffff");
  BOOST_TEST(DeviceId{}.text() == "00000000-0000-0000-0000-000000000000");
}

BOOST_AUTO_TEST_CASE(rejects_every_other_form) {
  for (const char* text : {"", "0", "0f3c9a527d1e4b869c2f1a2b3c4d5e6f", "{0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f}",
                           "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6", "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f0",
                           "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6g", "0f3c9a52_7d1e-4b86-9c2f-1a2b3c4d5e6f",
                           "0f3c9a5-27d1e-4b86-9c2f-1a2b3c4d5e6f", "-0f3c9a5-7d1e-4b86-9c2f-1a2b3c4d5e6f",
                           " f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f"})
    BOOST_TEST(!DeviceId::parse(text).has_value(), text);
  BOOST_TEST(!DeviceId::parse(std::string(36, '\0')).has_value());
}

BOOST_AUTO_TEST_CASE(compares_by_all_bytes) {
  const DeviceId a = device("0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f");
  const DeviceId b = device("0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e70");
  BOOST_TEST((a == device("0F3C9A52-7d1e-4b86-9c2f-1a2b3c4d5e6f")));
  BOOST_TEST((a != b));
  BOOST_TEST((a < b));
  BOOST_TEST(!(b < a));
}

BOOST_AUTO_TEST_CASE(hash_is_the_same_in_every_process) {
  BOOST_TEST(DeviceId{}.hash() == DeviceId{}.hash());
  BOOST_TEST(device("0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f").hash() == 1235438845619037788ULL);
}

BOOST_AUTO_TEST_CASE(hash_spreads_sequential_ids_over_shards_and_buckets) {
  constexpr int kIds = 8000;
  // Counting up in the last bytes, in the first bytes, and in the middle.
  for (const char* format :
       {"00000000-0000-0000-0000-%012x", "%08x-0000-4000-8000-000000000000", "00000000-%04x-4000-8000-000000000000"}) {
    std::map<std::uint64_t, int> low;
    std::map<std::uint64_t, int> high;
    for (int i = 0; i < kIds; ++i) {
      char text[64];
      std::snprintf(text, sizeof text, format, static_cast<unsigned>(i));
      const std::uint64_t hash = device(text).hash();
      ++low[hash % 8];
      ++high[hash >> 61];
    }
    for (const auto& counts : {low, high}) {
      BOOST_TEST(counts.size() == 8u);
      for (const auto& [bucket, count] : counts) BOOST_TEST((count > 850 && count < 1150), format << bucket << count);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
