// What clients send compressed: read back, bounded in size and ratio, and refused when it is no DEFLATE.
#include "gateway/ws/inflater.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

#include "tests/support/ws_deflate.hpp"

using namespace pulsegate;
using ws::Inflater;
using Status = ws::Inflater::Status;

namespace {

constexpr std::size_t kLimit = 1024 * 1024;

std::string varied(std::size_t size) {
  std::minstd_rand random(11);
  std::string text;
  while (text.size() < size) text += std::to_string(random());
  text.resize(size);
  return text;
}

struct Fixture {
  Inflater inflater;

  std::string inflated(std::string_view compressed, std::size_t limit = kLimit) {
    const Inflater::Message message = inflater.inflate(compressed, limit);
    switch (message.status) {
      case Status::complete:
        return std::string(message.payload);
      case Status::too_big:
        return "too big";
      default:
        return "invalid";
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(InflaterTest, Fixture)

// Every message of RFC 7692, section 7.2.3.
BOOST_AUTO_TEST_CASE(the_examples_of_the_rfc_are_read) {
  using namespace std::string_literals;
  BOOST_TEST(inflated("\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");                          // 7.2.3.1
  BOOST_TEST(inflated("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s) == "Hello");          // 7.2.3.3: not compressed
  BOOST_TEST(inflated("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s) == "Hello");                      // 7.2.3.4: a final block
  BOOST_TEST(inflated("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s) == "Hello");  // 7.2.3.5: two blocks
  BOOST_TEST(inflated("\x00"s) == "");                                                       // 7.2.3.6: empty
}

// 7.2.3.2: the second "Hello" of a sender that keeps its window. We have told it not to.
BOOST_AUTO_TEST_CASE(a_message_that_needs_the_one_before_is_invalid) {
  using namespace std::string_literals;
  BOOST_TEST(inflated("\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");
  BOOST_TEST(inflated("\xf2\x00\x11\x00\x00"s) == "invalid");
}

BOOST_AUTO_TEST_CASE(messages_of_any_size_and_level_come_back) {
  for (const std::size_t size : {0, 1, 100, 4095, 4096, 4097, 8192, 65'536, 500'000})
    for (const int level : {0, 1, 6, 9})
      for (const std::size_t chunk : {0, 1000}) {
        const std::string text = varied(size);
        BOOST_TEST((inflated(test::deflate_message(text, level, chunk)) == text), size << " at level " << level);
      }
}

BOOST_AUTO_TEST_CASE(the_limit_is_kept_to_the_byte) {
  for (const std::size_t limit : {1, 100, 4096, 10'000, 200'000}) {
    BOOST_TEST((inflated(test::deflate_message(varied(limit)), limit) == varied(limit)), limit);
    BOOST_TEST(inflated(test::deflate_message(varied(limit + 1)), limit) == "too big", limit);
  }
  // Also with room left by a larger message before.
  BOOST_TEST(inflated(test::deflate_message(varied(60'000))).size() == 60'000u);
  BOOST_TEST(inflated(test::deflate_message(varied(101)), 100) == "too big");
  BOOST_TEST(inflated(test::deflate_message(varied(100)), 100) == varied(100));
}

BOOST_AUTO_TEST_CASE(a_kilobyte_that_stands_for_a_megabyte_is_too_big) {
  const std::string bomb = test::deflate_message(std::string(1024 * 1024, '\0'), 9);
  BOOST_TEST(bomb.size() < 1100u);
  BOOST_TEST(inflated(bomb, 16 * 1024) == "too big");
  BOOST_TEST(inflated(bomb, 16 * 1024 * 1024) == "too big");  // by its ratio
}

BOOST_AUTO_TEST_CASE(the_ratio_counts_only_above_a_few_kilobytes) {
  BOOST_TEST(inflated(test::deflate_message(std::string(Inflater::kAlways, 'x'), 9)).size() == Inflater::kAlways);
  BOOST_TEST(inflated(test::deflate_message(std::string(Inflater::kAlways + 1, 'x'), 9)) == "too big");
  const std::string text = varied(2000);
  std::string repeated;
  for (int i = 0; i < 10; ++i) repeated += text;
  BOOST_TEST((inflated(test::deflate_message(repeated)) == repeated));
}

// Blocks that are marked as the last make the stream start anew each time.
BOOST_AUTO_TEST_CASE(many_empty_final_blocks_are_read_to_the_end) {
  std::string blocks;
  for (int i = 0; i < 8'000; ++i) blocks.append("\x03\x00", 2);
  BOOST_TEST(inflated(blocks).empty());
  BOOST_TEST(inflated(blocks + '\0').empty());
}

BOOST_AUTO_TEST_CASE(garbage_is_invalid) {
  using namespace std::string_literals;
  BOOST_TEST(inflated("") == "invalid");
  BOOST_TEST(inflated("\xff") == "invalid");
  BOOST_TEST(inflated("not compressed at all") == "invalid");
  BOOST_TEST(inflated("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"s) == "invalid");  // the length's complement
  BOOST_TEST(inflated(test::deflate_message("Hello") + "\xff\xff") == "invalid");
}

BOOST_AUTO_TEST_CASE(what_ends_inside_a_block_is_invalid) {
  const std::string whole = test::deflate_message(varied(3000));
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (inflated(std::string_view(whole).substr(0, size)) != "invalid") ++accepted;
  BOOST_TEST(accepted == 0u);
}

BOOST_AUTO_TEST_CASE(random_bytes_never_do_harm_and_the_next_message_is_read) {
  std::minstd_rand random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
    const Inflater::Message message = inflater.inflate(bytes, 1000);
    BOOST_REQUIRE(message.payload.size() <= 1000u);
  }
  BOOST_TEST(inflated(test::deflate_message("Hello")) == "Hello");
}

BOOST_AUTO_TEST_CASE(a_changed_byte_never_does_harm) {
  std::minstd_rand random(5);
  const std::string whole = test::deflate_message(varied(3000));
  for (int i = 0; i < 5'000; ++i) {
    std::string changed = whole;
    changed[random() % changed.size()] = static_cast<char>(random() >> 8);
    BOOST_REQUIRE(inflater.inflate(changed, 5000).payload.size() <= 5000u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
