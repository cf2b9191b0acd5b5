// SystemInfo: merging field by field in both directions of time.
#include "proto/system_info.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate::proto;

namespace {

SystemInfo info(SystemField field, std::string json) {
  SystemInfo result;
  result.json[static_cast<std::size_t>(field)] = std::move(json);
  return result;
}

const std::string& get(const SystemInfo& from, SystemField field) {
  return from.json[static_cast<std::size_t>(field)];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SystemInfoTest)

BOOST_AUTO_TEST_CASE(has_the_keys_of_the_guide) {
  BOOST_TEST(system_field_key(SystemField::os) == "os");
  BOOST_TEST(system_field_key(SystemField::architecture) == "architecture");
  BOOST_TEST(system_field_key(SystemField::uptime) == "uptime");
  BOOST_TEST(system_field_key(SystemField::hostname) == "hostname");
  BOOST_TEST(system_field_key(SystemField::ip_address) == "ipAddress");
  BOOST_TEST(system_field_key(SystemField::mac_address) == "macAddress");
}

BOOST_AUTO_TEST_CASE(newer_fields_replace_and_unknown_ones_do_not) {
  SystemInfo known = info(SystemField::os, "\"Debian 11\"");
  BOOST_TEST(!known.merge_newer({}));
  BOOST_TEST(!known.merge_newer(info(SystemField::os, "\"Debian 11\"")));
  BOOST_TEST(known.merge_newer(info(SystemField::os, "\"Debian 12\"")));
  BOOST_TEST(known.merge_newer(info(SystemField::uptime, "3600")));
  BOOST_TEST(get(known, SystemField::os) == "\"Debian 12\"");
  BOOST_TEST(get(known, SystemField::uptime) == "3600");
}

BOOST_AUTO_TEST_CASE(older_fields_only_fill_what_is_unknown) {
  SystemInfo known = info(SystemField::os, "\"Debian 12\"");
  BOOST_TEST(!known.fill_from_older(info(SystemField::os, "\"Debian 11\"")));
  BOOST_TEST(known.fill_from_older(info(SystemField::hostname, "\"pump-7\"")));
  BOOST_TEST(get(known, SystemField::os) == "\"Debian 12\"");
  BOOST_TEST(get(known, SystemField::hostname) == "\"pump-7\"");
}

BOOST_AUTO_TEST_CASE(is_empty_until_one_field_is_known) {
  BOOST_TEST(SystemInfo{}.empty());
  BOOST_TEST(!info(SystemField::mac_address, "\"\"").empty());
}

BOOST_AUTO_TEST_SUITE_END()
