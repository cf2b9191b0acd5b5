// Keys and revocations that change while the gateway runs.
#include <boost/test/unit_test.hpp>

#include <filesystem>

#include "auth_world.hpp"

using namespace pulsegate::test;

namespace {

constexpr const char* kOtherSecret = "another secret of these tests, of 32 bytes";

// As somebody does it who wants nobody to see half a file.
void replace(const TempDir& files, const std::string& name, const std::string& content) {
  std::filesystem::rename(files.write(name + ".new", content), files.file(name));
}

int status_of(Stack& stack, const std::string& token) {
  return WsClient::attempt(stack.gateway().port(), device_target(new_device()), bearer(token)).response().status;
}

double reloads(Stack& stack, const std::string& file, const std::string& outcome) {
  return stack.gateway()
      .metric("pulsegate_auth_reloads_total{file=\"" + file + "\",outcome=\"" + outcome + "\"}")
      .value_or(-1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(AuthFiles)

BOOST_AUTO_TEST_CASE(a_changed_key_counts_without_a_restart_and_a_broken_one_does_not) {
  AuthWorld world;
  const std::string old_token = world.token(), new_token = hmac_token(kOtherSecret, claims("alice", in_seconds(60)));
  WsClient client = WsClient::open(world.port(), device_target(new_device()), bearer(old_token));
  client.expect("connected");
  BOOST_TEST(status_of(world.stack, new_token) == 401);

  replace(world.files, "secret", kOtherSecret);
  BOOST_TEST(eventually([&] { return status_of(world.stack, new_token) == 101; }));
  BOOST_TEST(status_of(world.stack, old_token) == 401);
  BOOST_TEST(reloads(world.stack, "key", "loaded") == 1);

  replace(world.files, "secret", "short");
  BOOST_TEST(world.stack.gateway().wait_for_log("auth.key-broken").has_value());
  BOOST_TEST(status_of(world.stack, new_token) == 101);
  std::filesystem::remove(world.files.file("secret"));
  BOOST_TEST(eventually([&] { return reloads(world.stack, "key", "broken") == 2; }));
  BOOST_TEST(status_of(world.stack, new_token) == 101);
  // In place, by whoever does not rename.
  world.files.write("secret", kAuthSecret + "\n");
  BOOST_TEST(eventually([&] { return status_of(world.stack, old_token) == 101; }));
  // Whoever came in by a key that is gone stays until the token ends.
  client.expect_until_pong();
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_that_turns_is_a_changed_key) {
  TempDir files;
  namespace fs = std::filesystem;
  // As Kubernetes mounts a secret: the file is a link into a directory that is a link to the version in force.
  for (const auto& [version, secret] : {std::pair("v1", kAuthSecret.c_str()), std::pair("v2", kOtherSecret)}) {
    fs::create_directory(files.path() / version);
    files.write(std::string(version) + "/jwt", secret);
  }
  fs::create_directory_symlink("v1", files.path() / "..data");
  fs::create_symlink("..data/jwt", files.path() / "jwt");
  Stack stack({"--jwt-key", "main=" + files.file("jwt")});
  const std::string old_token = hmac_token(kAuthSecret, claims("alice", in_seconds(60)), "main");
  const std::string new_token = hmac_token(kOtherSecret, claims("alice", in_seconds(60)), "main");
  BOOST_TEST(status_of(stack, old_token) == 101);
  fs::create_directory_symlink("v2", files.path() / "..data_tmp");
  fs::rename(files.path() / "..data_tmp", files.path() / "..data");
  BOOST_TEST(eventually([&] { return status_of(stack, new_token) == 101; }));
  BOOST_TEST(status_of(stack, old_token) == 401);
}

BOOST_AUTO_TEST_CASE(the_revoked_are_closed_and_the_others_stay) {
  TempDir lists;
  const std::string list = lists.write("revoked", "# nobody yet\n");
  AuthWorld world({"--revocation-file", list, "--shards", "2"});
  const std::string by_id = world.token(60, R"(,"jti":"t-1")"),
                    by_subject = hmac_token(kAuthSecret, claims("bob", in_seconds(60)));
  WsClient first = WsClient::open(world.port(), device_target(new_device()), bearer(by_id));
  WsClient second = WsClient::open(world.port(), device_target(new_device()), bearer(by_subject));
  WsClient third =
      WsClient::open(world.port(), device_target(new_device()), bearer(world.token(60, R"(,"jti":"t-2")")));
  replace(lists, "revoked", "jti:t-1\nsub:bob\n");
  for (WsClient* client : {&first, &second}) {
    BOOST_TEST(client->expect("error").at("data").at("code").string() == "token-revoked");
    BOOST_TEST(client->expect_close().code == 4401);
  }
  third.expect_until_pong();
  BOOST_TEST(status_of(world.stack, by_id) == 401);
  BOOST_TEST(world.stack.gateway().metric("pulsegate_auth_closed_total{reason=\"revoked\"}").value_or(-1) == 2);
  BOOST_TEST(world.failures("revoked") == 1);

  // A list that is gone revokes as before; an empty one nobody.
  std::filesystem::remove(list);
  BOOST_TEST(world.stack.gateway().wait_for_log("auth.revocations-broken").has_value());
  BOOST_TEST(status_of(world.stack, by_subject) == 401);
  replace(lists, "revoked", "");
  BOOST_TEST(eventually([&] { return status_of(world.stack, by_subject) == 101; }));
  BOOST_TEST(reloads(world.stack, "revocations", "loaded") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
