// Frames as the wire has them (RFC 6455, section 5.2), and the life of their shared block.
#include "gateway/frame.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

using namespace pulsegate;

namespace {

std::string header_of(const FramePtr& frame) {
  return std::string(frame->bytes().substr(0, frame->size() - frame->payload().size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(FrameTest)

BOOST_AUTO_TEST_CASE(length_decides_the_form_of_the_header) {
  const std::pair<std::size_t, std::string> expected[] = {
      {0, std::string("\x81\x00", 2)},
      {1, std::string("\x81\x01", 2)},
      {125, std::string("\x81\x7d", 2)},
      {126, std::string("\x81\x7e\x00\x7e", 4)},
      {127, std::string("\x81\x7e\x00\x7f", 4)},
      {65535, std::string("\x81\x7e\xff\xff", 4)},
      {65536, std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10)},
      {1'000'000, std::string("\x81\x7f\x00\x00\x00\x00\x00\x0f\x42\x40", 10)}};
  for (const auto& [size, header] : expected) {
    const std::string payload(size, 'x');
    const FramePtr frame = Frame::text(payload);
    BOOST_TEST(header_of(frame) == header);
    BOOST_TEST((frame->payload() == payload));
    BOOST_TEST(frame->size() == header.size() + size);
    BOOST_TEST((frame->bytes() == header + payload));
  }
}

BOOST_AUTO_TEST_CASE(text_is_copied_as_it_is) {
  std::string payload =
      "{\"name\":\"Gr\xc3\xb6\xc3\x9f"
      "e\"}";
  const FramePtr frame = Frame::text(payload);
  payload.assign(payload.size(), '?');
  BOOST_TEST((frame->payload() == "{\"name\":\"Gr\xc3\xb6\xc3\x9f"
                                  "e\"}"));
}

BOOST_AUTO_TEST_CASE(compressed_text_says_so_in_its_first_byte) {
  const FramePtr frame = Frame::compressed_text(std::string(300, 'x'));
  BOOST_TEST(header_of(frame) == std::string("\xc1\x7e\x01\x2c", 4));
}

BOOST_AUTO_TEST_CASE(a_twin_is_kept_with_its_frame) {
  FramePtr frame = Frame::text("plain");
  BOOST_TEST(!frame->twin_tried());
  frame->set_twin(Frame::compressed_text("twin"));
  const FramePtr copy = frame;
  frame.reset();
  BOOST_TEST(copy->twin_tried());
  BOOST_TEST((copy->twin()->payload() == "twin"));
  BOOST_TEST(sizeof(Frame) <= 24u);  // one is kept per device and channel
}

BOOST_AUTO_TEST_CASE(raw_bytes_have_no_header) {
  const std::string bytes("\x8a\x00\x88", 3);
  const FramePtr frame = Frame::raw(bytes);
  BOOST_TEST((frame->bytes() == bytes));
  BOOST_TEST((frame->payload() == bytes));
  BOOST_TEST(Frame::raw("")->size() == 0u);
}

BOOST_AUTO_TEST_CASE(copies_share_one_block_until_the_last_is_gone) {
  FramePtr first = Frame::text("shared");
  const char* const block = first->bytes().data();
  FramePtr second = first;
  FramePtr third;
  third = second;
  first.reset();
  second = FramePtr();
  BOOST_TEST(!first);
  BOOST_TEST((third->bytes().data() == block));
  BOOST_TEST((third->payload() == "shared"));
}

BOOST_AUTO_TEST_CASE(moving_leaves_nothing_behind) {
  FramePtr first = Frame::text("moved");
  FramePtr second = std::move(first);
  BOOST_TEST((second->payload() == "moved"));
  second = std::move(second);
  BOOST_TEST((second->payload() == "moved"));
  FramePtr empty;
  second.swap(empty);
  BOOST_TEST(!second);
  BOOST_TEST((empty->payload() == "moved"));
}

BOOST_AUTO_TEST_SUITE_END()
