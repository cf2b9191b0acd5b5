// The fake that stands for the bus in other modules' tests keeps the same contract as the real adapter, and so does
// the bus inside the process.
#include "tests/support/fake_subscriber.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "tests/unit/bus/in_process_bus.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using pulsegate::test::FakeSubscriber;
using pulsegate::test::RecordingSink;

namespace {

// Does what a live bus does by itself: connects and confirms whenever the test waits.
class FakeBus {
 public:
  pulsegate::bus::Subscriber& subscriber() { return *subscriber_; }
  void destroy_subscriber() { subscriber_.reset(); }
  bool publish(const std::string& topic, const std::string& payload) {
    return subscriber_ && subscriber_->deliver(topic, payload);
  }
  void lose_connection() { subscriber_->drop(); }
  std::size_t max_payload() const { return 256 * 1024; }

  template <class Predicate>
  bool run_until(Predicate&& predicate) {
    for (int turn = 0; turn < 100; ++turn) {
      if (predicate()) return true;
      if (subscriber_) subscriber_->connect_and_confirm();
      if (subscriber_) subscriber_->end_batch();
    }
    return predicate();
  }

 private:
  std::unique_ptr<FakeSubscriber> subscriber_ = std::make_unique<FakeSubscriber>();
};

}  // namespace

using ContractBuses = std::tuple<FakeBus, pulsegate::test::InProcessBus>;
#include "tests/support/subscriber_contract.hpp"

BOOST_AUTO_TEST_SUITE(FakeSubscriberTest)

BOOST_AUTO_TEST_CASE(nothing_happens_by_itself) {
  RecordingSink sink;
  FakeSubscriber fake;
  fake.start(sink);
  fake.subscribe({"a", "b"});
  BOOST_TEST(sink.lines.empty());
  fake.connect();
  BOOST_TEST(sink.lines == (std::vector<std::string>{"up"}), boost::test_tools::per_element());
  BOOST_TEST(fake.awaiting() == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(test_chooses_the_order_of_confirmations) {
  RecordingSink sink;
  FakeSubscriber fake;
  fake.start(sink);
  fake.subscribe({"a", "b"});
  BOOST_TEST(!fake.confirm("a"));  // the bus is down
  fake.connect();
  BOOST_TEST(fake.confirm("b"));
  BOOST_TEST(!fake.publish("a", "lost"));
  BOOST_TEST(fake.publish("b", "x"));
  BOOST_TEST(fake.confirm("a"));
  BOOST_TEST(!fake.confirm("a"));
  BOOST_TEST(!fake.confirm("c"));
  BOOST_TEST(sink.lines == (std::vector<std::string>{"up", "subscribed b", "event b x", "subscribed a"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(failed_first_attempt_is_told_once) {
  RecordingSink sink;
  FakeSubscriber fake;
  fake.start(sink);
  fake.drop("refused");
  fake.drop("refused again");
  BOOST_TEST(sink.reasons == (std::vector<std::string>{"refused"}), boost::test_tools::per_element());
  BOOST_TEST(fake.counters().connect_failures == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
