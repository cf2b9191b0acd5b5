// Stored events of several devices, merged by time.
#include "gateway/commands/replay_stored.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using namespace pulsegate;
using namespace pulsegate::commands;

namespace {

using Pages = std::vector<std::vector<int>>;  // microseconds

struct ListedPages final : StoredEvents {
  ListedPages(Pages given, char device) : pages(std::move(given)), name(device) {}
  std::vector<ReplayEvent> next_page() override {
    std::vector<ReplayEvent> events;
    if (next == pages.size()) return events;
    for (const int time : pages[next++]) {
      if (time < 0) throw std::runtime_error("cannot be read");
      events.push_back({proto::Timestamp(std::chrono::microseconds(time)), "c", name + std::to_string(time), {}});
    }
    return events;
  }
  const Pages pages;
  const char name;
  std::size_t next = 0;
};

const std::vector<proto::DeviceId> kDevices = {*proto::DeviceId::parse("3f1e0000-0000-4000-8000-00000000000a"),
                                               *proto::DeviceId::parse("3f1e0000-0000-4000-8000-00000000000b")};

std::string merged(const Pages& a, const Pages& b) {
  StoredInput input(kDevices, [&](const proto::DeviceId& device) -> std::unique_ptr<StoredEvents> {
    const bool first = device == kDevices[0];
    return std::make_unique<ListedPages>(first ? a : b, first ? 'a' : 'b');
  });
  std::string text, again;
  while (const auto event = input.next()) text += event->payload + " ";
  BOOST_TEST(!input.next().has_value());
  input.rewind();
  while (const auto event = input.next()) again += event->payload + " ";
  BOOST_TEST(again == text);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReplayStored)

BOOST_AUTO_TEST_CASE(devices_are_merged_by_time_across_pages_and_equal_times_in_their_order) {
  BOOST_TEST(merged({{1, 4}, {5}}, {{2}, {3, 4}, {9}}) == "a1 b2 b3 a4 b4 a5 b9 ");
  BOOST_TEST(merged({}, {{1}}) == "b1 ");
  BOOST_TEST(merged({}, {}) == "");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_thrown) {
  BOOST_CHECK_THROW(merged({{1}, {-1}}, {{5}}), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
