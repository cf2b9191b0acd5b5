// RedisUrl: what the URL forms mean, and that neither an error nor the redacted form ever shows a password.
#include "bus/redis_url.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/text.hpp"

using namespace pulsegate::bus;
using pulsegate::test::contains;

namespace {

RedisUrl parsed(std::string_view text) {
  std::string error;
  const auto url = parse_redis_url(text, error);
  BOOST_REQUIRE_MESSAGE(url.has_value(), text << ": " << error);
  BOOST_TEST(error.empty());
  return *url;
}

std::string error_of(std::string_view text) {
  std::string error;
  BOOST_TEST(!parse_redis_url(text, error).has_value(), text);
  BOOST_TEST(!error.empty(), text);
  return error;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisUrlTest)

BOOST_AUTO_TEST_CASE(host_alone_takes_the_default_port_and_database) {
  const RedisUrl url = parsed("redis://cache.example.org");
  BOOST_TEST(url.host == "cache.example.org");
  BOOST_TEST(url.port == 6379);
  BOOST_TEST(url.db == 0u);
  BOOST_TEST(url.user.empty());
  BOOST_TEST(url.password.empty());
  BOOST_TEST(!url.is_unix());
}

BOOST_AUTO_TEST_CASE(every_part_is_read) {
  const RedisUrl url = parsed("redis://gate:s3cret@10.0.0.7:7001/12");
  BOOST_TEST(url.host == "10.0.0.7");
  BOOST_TEST(url.port == 7001);
  BOOST_TEST(url.db == 12u);
  BOOST_TEST(url.user == "gate");
  BOOST_TEST(url.password == "s3cret");
}

BOOST_AUTO_TEST_CASE(password_without_user_is_for_the_default_user) {
  const RedisUrl url = parsed("redis://:s3cret@localhost/");
  BOOST_TEST(url.user.empty());
  BOOST_TEST(url.password == "s3cret");
  BOOST_TEST(url.db == 0u);
}

BOOST_AUTO_TEST_CASE(scheme_ignores_case) {
  BOOST_TEST(parsed("REDIS://h").host == "h");
}

BOOST_AUTO_TEST_CASE(user_and_password_are_percent_decoded) {
  const RedisUrl url = parsed("redis://g%40te:a%3Ab%2fc%25d:e@h");
  BOOST_TEST(url.user == "g@te");
  BOOST_TEST(url.password == "a:b/c%d:e");
}

BOOST_AUTO_TEST_CASE(raw_at_sign_in_a_password_is_read_as_meant) {
  const RedisUrl url = parsed("redis://:p@ss@h:1");
  BOOST_TEST(url.password == "p@ss");
  BOOST_TEST(url.host == "h");
}

BOOST_AUTO_TEST_CASE(ipv6_stands_in_brackets) {
  const RedisUrl url = parsed("redis://u:p@[fe80::1%eth0]:7000/3");
  BOOST_TEST(url.host == "fe80::1%eth0");
  BOOST_TEST(url.port == 7000);
  BOOST_TEST(parsed("redis://[::1]").host == "::1");
  BOOST_TEST(contains(error_of("redis://::1:6379"), "brackets"));
  BOOST_TEST(contains(error_of("redis://[::1"), "']'"));
  error_of("redis://[::1]6379");
  error_of("redis://[name]:6379");
}

BOOST_AUTO_TEST_CASE(unix_socket_with_and_without_user) {
  const RedisUrl plain = parsed("unix:///run/redis/redis.sock");
  BOOST_TEST(plain.is_unix());
  BOOST_TEST(plain.path == "/run/redis/redis.sock");
  BOOST_TEST(plain.db == 0u);
  const RedisUrl full = parsed("unix://gate:s%2F3@/run/my%20redis.sock?db=5");
  BOOST_TEST(full.path == "/run/my redis.sock");
  BOOST_TEST(full.user == "gate");
  BOOST_TEST(full.password == "s/3");
  BOOST_TEST(full.db == 5u);
}

// Found by fuzzing: an encoded one was refused, a raw one was not, and the socket's path ended there for the system
// only.
BOOST_AUTO_TEST_CASE(a_zero_byte_is_refused_raw_as_well_as_encoded) {
  error_of(std::string_view("unix:///run/a\0b", 15));
  error_of(std::string_view("redis://:p\0w@h", 15));
  error_of("unix:///run/a%00b");
}

BOOST_AUTO_TEST_CASE(redacted_form_hides_the_password_and_parses_again) {
  BOOST_TEST(parsed("redis://gate:s3cret@h:1/2").redacted() == "redis://gate:***@h:1/2");
  BOOST_TEST(parsed("redis://:s3cret@h").redacted() == "redis://:***@h:6379/0");
  BOOST_TEST(parsed("redis://[::1]:5").redacted() == "redis://[::1]:5/0");
  BOOST_TEST(parsed("unix://:s3cret@/a%20b?db=1").redacted() == "unix://:***@/a%20b?db=1");
  for (const char* text : {"redis://gate:s3cret@h:1/2", "redis://[::1]:5", "unix:///a%20b%3F%25?db=1"}) {
    const RedisUrl url = parsed(text);
    const RedisUrl again = parsed(url.redacted());
    BOOST_TEST(again.redacted() == url.redacted());
    BOOST_TEST(again.path == url.path);
  }
}

BOOST_AUTO_TEST_CASE(rediss_is_redis_over_tls) {
  const RedisUrl url = parsed("rediss://gate:s3cret@cache.example.org:6380/2");
  BOOST_TEST(url.tls);
  BOOST_TEST(url.host == "cache.example.org");
  BOOST_TEST(url.port == 6380);
  BOOST_TEST(url.redacted() == "rediss://gate:***@cache.example.org:6380/2");
  BOOST_TEST(!parsed("redis://h").tls);
}

BOOST_AUTO_TEST_CASE(sentinels_are_hosts_and_the_name_of_a_master) {
  const RedisUrl url = parsed("redis-sentinel://gate:s3cret@10.0.0.1,s2:7000,[::1],s2:7000/my%20master?db=3");
  BOOST_TEST((url.topology == Topology::sentinel));
  BOOST_REQUIRE(url.seeds.size() == 3u);
  BOOST_TEST(url.seeds[0].text() == "10.0.0.1:26379");
  BOOST_TEST(url.seeds[1].text() == "s2:7000");
  BOOST_TEST(url.seeds[2].text() == "[::1]:26379");
  BOOST_TEST(url.master == "my master");
  BOOST_TEST(url.db == 3u);
  const RedisUrl node = url.at({"10.0.0.9", 6380});
  BOOST_TEST(node.redacted() == "redis://gate:***@10.0.0.9:6380/3");
  BOOST_TEST(url.sentinel_at(url.seeds[1]).redacted() == "redis://s2:7000/0");
}

BOOST_AUTO_TEST_CASE(sentinels_have_a_password_of_their_own) {
  const RedisUrl url =
      parsed("rediss-sentinel://:s3cret@s1/main?sentinel-user=watch&sentinel-password=hunter%262&db=1");
  BOOST_TEST(url.sentinel_user == "watch");
  BOOST_TEST(url.sentinel_password == "hunter&2");
  BOOST_TEST(url.redacted() == "rediss-sentinel://:***@s1:26379/main?db=1&sentinel-user=watch&sentinel-password=***");
  BOOST_TEST(url.sentinel_at(url.seeds[0]).redacted() == "rediss://watch:***@s1:26379/0");
  BOOST_TEST(contains(error_of("redis-sentinel://s1/main?sentinel-user=watch"), "sentinel-password"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1/main?password=hunter2"), "only the parameters"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1/main?sentinel-password=%zz"), "hexadecimal"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1/main?db=x"), "database"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1,s2"), "name of the master"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1/main/0"), "name of the master"));
  BOOST_TEST(contains(error_of("redis-sentinel://s1,,s2/main"), "no host"));
  std::string many = "redis-sentinel://h0";
  for (int i = 1; i < 70; ++i) many += ",h" + std::to_string(i);
  BOOST_TEST(contains(error_of(many + "/main"), "64"));
}

BOOST_AUTO_TEST_CASE(cluster_is_some_of_its_nodes) {
  const RedisUrl url = parsed("redis-cluster://:s3cret@10.0.0.1,n2:7001/0");
  BOOST_TEST((url.topology == Topology::cluster));
  BOOST_REQUIRE(url.seeds.size() == 2u);
  BOOST_TEST(url.seeds[0].text() == "10.0.0.1:6379");
  BOOST_TEST(url.redacted() == "redis-cluster://:***@10.0.0.1:6379,n2:7001");
  BOOST_TEST(parsed("rediss-cluster://h").tls);
  BOOST_TEST(contains(error_of("redis-cluster://h/1"), "no databases"));
  BOOST_TEST(contains(error_of("redis-cluster://h,"), "no host"));
}

BOOST_AUTO_TEST_CASE(scheme_that_is_none_is_refused) {
  BOOST_TEST(contains(error_of("redis-clusters://h"), "redis-cluster://"));
}

BOOST_AUTO_TEST_CASE(errors_say_what_to_change) {
  BOOST_TEST(contains(error_of(""), "redis://"));
  BOOST_TEST(contains(error_of("localhost:6379"), "redis://"));
  BOOST_TEST(contains(error_of("http://localhost"), "redis://"));
  BOOST_TEST(contains(error_of("redis://"), "no host"));
  BOOST_TEST(contains(error_of("redis://:6379"), "no host"));
  BOOST_TEST(contains(error_of("redis://h:"), "port"));
  BOOST_TEST(contains(error_of("redis://h:0"), "port"));
  BOOST_TEST(contains(error_of("redis://h:65536"), "port"));
  BOOST_TEST(contains(error_of("redis://h:-1"), "port"));
  BOOST_TEST(contains(error_of("redis://h:6379x"), "port"));
  BOOST_TEST(contains(error_of("redis://h/one"), "database"));
  BOOST_TEST(contains(error_of("redis://h/-1"), "database"));
  BOOST_TEST(contains(error_of("redis://h/1/2"), "database"));
  BOOST_TEST(contains(error_of("redis://h/4294967296"), "database"));
  BOOST_TEST(contains(error_of("redis://h?db=1"), "'?'"));
  BOOST_TEST(contains(error_of("redis://ho st"), "host"));
  BOOST_TEST(contains(error_of("redis://h1,h2"), "host"));
  BOOST_TEST(contains(error_of("redis://user@h"), "without a password"));
  BOOST_TEST(contains(error_of("redis://:%zz@h"), "hexadecimal"));
  BOOST_TEST(contains(error_of("redis://:%4@h"), "hexadecimal"));
  BOOST_TEST(contains(error_of("redis://:%00@h"), "hexadecimal"));
  BOOST_TEST(contains(error_of("unix://redis.sock"), "absolute path"));
  BOOST_TEST(contains(error_of("unix://host/path"), "before the path"));
  BOOST_TEST(contains(error_of("unix:///"), "107"));
  BOOST_TEST(contains(error_of("unix:///" + std::string(107, 'a')), "107"));
  BOOST_TEST(contains(error_of("unix:///a?database=1"), "db"));
  BOOST_TEST(contains(error_of("unix:///a?db=x"), "database"));
}

BOOST_AUTO_TEST_CASE(errors_never_hold_the_password) {
  const std::vector<std::string> broken{
      "redis://u:hunter2@",
      "redis://u:hunter2@h:port",
      "redis://u:hunter2@h/db",
      "redis://u:hunter2%@h",
      "redis://u:hunter2/x@h",
      "redis://u:hunter2#@h",
      "hunter2://h",
      "u:hunter2@h:6379",
      "unix://u:hunter2/run/sock",
      "unix://u:hunter2@",
      "rediss://u:hunter2@h:x",
      "unix://u:hunter2@/a?db=hunter2",
      "redis-sentinel://u:hunter2@h",
      "redis-sentinel://h/m?sentinel-password=hunter2%",
  };
  for (const std::string& text : broken) BOOST_TEST(!contains(error_of(text), "hunter2"), text);
}

BOOST_AUTO_TEST_SUITE_END()
