// The compressed twin of a frame: what it is, that it is made once, and when there is none.
#include "gateway/ws/compressor.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>

#include "tests/support/ws_deflate.hpp"

using namespace pulsegate;
using ws::Compressor;

namespace {

std::string compressible(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += "{\"pid\":" + std::to_string(i * 37) + ",\"name\":\"node\"},";
  text.resize(size);
  return text;
}

std::string random_bytes(std::size_t size) {
  std::minstd_rand random(7);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

struct Fixture {
  ws::EndpointCounters counters;
  Compressor compressor{counters};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(CompressorTest, Fixture)

BOOST_AUTO_TEST_CASE(a_receiver_inflates_what_was_sent) {
  for (const std::size_t size : {512, 513, 1000, 1246, 4096, 65'535, 65'536, 300'000, 3'000'000}) {
    const std::string text = compressible(size);
    const FramePtr plain = Frame::text(text);
    const FramePtr twin = compressor.shared(plain);
    BOOST_TEST(static_cast<unsigned char>(twin->bytes()[0]) == 0xc1u);  // FIN, RSV1, text
    BOOST_TEST(twin->size() < plain->size());
    BOOST_TEST((test::inflate_message(twin->payload()) == text), size);
    BOOST_TEST((plain->payload() == text));
  }
}

BOOST_AUTO_TEST_CASE(a_frame_is_compressed_once_for_all_receivers) {
  const FramePtr plain = Frame::text(compressible(1000));
  const FramePtr first = compressor.shared(plain);
  for (int i = 0; i < 99; ++i) BOOST_TEST(&*compressor.shared(plain) == &*first);
  BOOST_TEST(counters.compressions == 1u);
  BOOST_TEST(counters.compressed_frames_sent == 100u);
  BOOST_TEST(counters.compression_saved_bytes == 100 * (plain->size() - first->size()));
}

// Nothing of one message may be needed to read the next: receivers join at any time.
BOOST_AUTO_TEST_CASE(messages_stand_for_themselves) {
  const std::string text = compressible(1000);
  const FramePtr first = compressor.shared(Frame::text(text));
  const FramePtr second = compressor.shared(Frame::text(text));
  BOOST_TEST((first->bytes() == second->bytes()));
}

BOOST_AUTO_TEST_CASE(short_messages_go_as_they_are) {
  const FramePtr frame = Frame::text(compressible(Compressor::kLeastPayload - 1));
  BOOST_TEST(&*compressor.shared(frame) == &*frame);
  BOOST_TEST(&*compressor.shared(frame) == &*frame);
  BOOST_TEST(counters.compressions == 0u);
  BOOST_TEST(counters.compressed_frames_sent == 0u);
}

BOOST_AUTO_TEST_CASE(what_does_not_shrink_goes_as_it_is_and_is_tried_once) {
  for (const std::size_t size : {512, 5000, 100'000}) {
    const FramePtr frame = Frame::text(random_bytes(size));
    const std::uint64_t before = counters.compressions;
    BOOST_TEST(&*compressor.shared(frame) == &*frame);
    BOOST_TEST(&*compressor.shared(frame) == &*frame);
    BOOST_TEST(counters.compressions == before + 1);
  }
  // And the stream is as good as new after what it had to give up.
  const std::string text = compressible(1000);
  BOOST_TEST((test::inflate_message(compressor.shared(Frame::text(text))->payload()) == text));
}

BOOST_AUTO_TEST_CASE(a_twin_lives_as_long_as_somebody_has_it) {
  const std::string text = compressible(1000);
  FramePtr plain = Frame::text(text);
  const FramePtr twin = compressor.shared(plain);
  plain.reset();
  BOOST_TEST((test::inflate_message(twin->payload()) == text));
}

BOOST_AUTO_TEST_SUITE_END()
