// The fake that stands for Redis Streams in other modules' tests keeps the same contract as the real adapter.
#include "tests/support/fake_stream_source.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "tests/support/fake_snapshot_source.hpp"

using namespace pulsegate;
using test::FakeStreamSource;

namespace {

class FakeStream {
 public:
  FakeStream() { source_->set_max_payload(max_payload()); }

  FakeStreamSource& source() { return *source_; }
  void destroy_source() { source_.reset(); }
  void append(const proto::DeviceId& device, proto::Timestamp added, const std::string& timestamp, std::string data) {
    source_->append(device, {proto::parse_iso8601(timestamp).value_or(added), added, std::move(data)});
  }
  void clear(const proto::DeviceId& device) { source_->entries(device).clear(); }
  void go_away() { source_->fail_with("the test says so"); }
  std::size_t max_payload() const { return 1000; }
  void run_dry() { queue_.run(); }

  template <class Predicate>
  bool run_until(Predicate&& predicate) {
    queue_.run();
    return predicate();
  }

 private:
  test::TaskQueue queue_;
  std::unique_ptr<FakeStreamSource> source_ = std::make_unique<FakeStreamSource>(queue_.executor());
};

}  // namespace

using ContractStreams = std::tuple<FakeStream>;
#include "tests/support/stream_source_contract.hpp"

BOOST_AUTO_TEST_SUITE(FakeStreamSourceTest)

using namespace pulsegate::test::contract;

BOOST_AUTO_TEST_CASE(held_reads_are_answered_from_what_is_there_at_their_release) {
  StreamCase<FakeStream> c;
  c.stream.source().hold();
  c.ask(kStreamBegin, 10);
  c.append(1, "later");
  c.stream.run_dry();
  BOOST_TEST(c.order.empty());
  BOOST_TEST(c.stream.source().outstanding() == 1u);
  c.stream.source().release();
  BOOST_TEST(c.answer(0).entries.size() == 1u);
  BOOST_REQUIRE(c.stream.source().requests().size() == 1u);
  BOOST_TEST((c.stream.source().requests()[0].device == kStreamDevice));
  BOOST_TEST(c.stream.source().requests()[0].limit == 10u);
}

BOOST_AUTO_TEST_CASE(a_stream_may_be_taken_away_and_failures_end) {
  StreamCase<FakeStream> c;
  c.append(1, "1");
  c.stream.source().fail_with("away");
  BOOST_TEST(c.read(kStreamBegin, 10).detail == "away");
  c.stream.source().fail_with("");
  BOOST_TEST(c.read(kStreamBegin, 10).exists);
  c.stream.source().remove(kStreamDevice);
  BOOST_TEST(!c.read(kStreamBegin, 10).exists);
}

BOOST_AUTO_TEST_SUITE_END()
