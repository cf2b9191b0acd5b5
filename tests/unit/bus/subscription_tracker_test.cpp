// SubscriptionTracker: named races first, then every short interleaving and long random ones against a model server.
#include "bus/subscription_tracker.hpp"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/bus/subscription_model.hpp"

using namespace pulsegate::bus;
using test::Answer;
using test::Batch;
using test::Model;

namespace {

std::vector<Batch> due(SubscriptionTracker& tracker) {
  std::vector<Batch> batches;
  for (Batch batch; tracker.next_batch(batch);) batches.push_back(batch);
  return batches;
}

void subscribe_and_confirm(SubscriptionTracker& tracker, const std::string& topic) {
  tracker.add(topic);
  BOOST_REQUIRE(due(tracker).size() == 1u);
  BOOST_REQUIRE((tracker.on_subscribed(topic).answer == Answer::confirmed));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SubscriptionTrackerTest)

BOOST_AUTO_TEST_CASE(first_reference_is_sent_and_later_ones_are_not) {
  SubscriptionTracker tracker;
  tracker.add("t");
  tracker.add("t");
  const auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  BOOST_TEST(batches[0].subscribe);
  BOOST_TEST(batches[0].topics == std::vector<std::string>{"t"}, boost::test_tools::per_element());
  BOOST_TEST(tracker.wanted() == 1u);
  BOOST_TEST(tracker.confirmed() == 0u);
}

BOOST_AUTO_TEST_CASE(confirmation_answers_every_waiting_reference) {
  SubscriptionTracker tracker;
  tracker.add("t");
  tracker.add("t");
  due(tracker);
  const auto confirmation = tracker.on_subscribed("t");
  BOOST_TEST((confirmation.answer == Answer::confirmed));
  BOOST_TEST(confirmation.times == 2u);
  BOOST_TEST(tracker.confirmed() == 1u);
}

BOOST_AUTO_TEST_CASE(reference_to_a_confirmed_topic_is_confirmed_again_without_a_command) {
  SubscriptionTracker tracker;
  subscribe_and_confirm(tracker, "t");
  tracker.add("t");
  BOOST_TEST(due(tracker).empty());
  std::string topic;
  BOOST_REQUIRE(tracker.next_reconfirmation(topic));
  BOOST_TEST(topic == "t");
  BOOST_TEST(!tracker.next_reconfirmation(topic));
}

BOOST_AUTO_TEST_CASE(last_reference_unsubscribes) {
  SubscriptionTracker tracker;
  tracker.add("t");
  subscribe_and_confirm(tracker, "u");
  tracker.on_subscribed("t");
  tracker.add("t");
  BOOST_TEST(tracker.remove("t"));
  BOOST_TEST(due(tracker).empty());
  BOOST_TEST(tracker.remove("t"));
  const auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  BOOST_TEST(!batches[0].subscribe);
  BOOST_TEST(tracker.entries() == 2u);
  BOOST_TEST((tracker.on_unsubscribed("t") == Answer::stale));
  BOOST_TEST(tracker.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(topic_that_is_not_held_is_ignored) {
  SubscriptionTracker tracker;
  BOOST_TEST(!tracker.remove("t"));
  tracker.add("t");
  BOOST_TEST(tracker.remove("t"));
  BOOST_TEST(!tracker.remove("t"));
  BOOST_TEST(due(tracker).empty());
  BOOST_TEST(tracker.entries() == 0u);
}

BOOST_AUTO_TEST_CASE(subscribe_and_unsubscribe_in_one_turn_cost_no_command) {
  SubscriptionTracker tracker;
  subscribe_and_confirm(tracker, "t");
  tracker.remove("t");
  tracker.add("t");
  BOOST_TEST(due(tracker).empty());
  BOOST_TEST(tracker.confirmed() == 1u);
  std::string topic;
  BOOST_TEST(tracker.next_reconfirmation(topic));  // the new subscribe() is answered all the same
}

BOOST_AUTO_TEST_CASE(stale_confirmation_does_not_count_for_a_newer_subscribe) {
  SubscriptionTracker tracker;
  tracker.add("t");
  due(tracker);
  tracker.remove("t");
  due(tracker);
  tracker.add("t");
  due(tracker);
  BOOST_TEST((tracker.on_subscribed("t").answer == Answer::stale));
  BOOST_TEST((tracker.on_unsubscribed("t") == Answer::stale));
  BOOST_TEST(tracker.confirmed() == 0u);
  const auto confirmation = tracker.on_subscribed("t");
  BOOST_TEST((confirmation.answer == Answer::confirmed));
  BOOST_TEST(confirmation.times == 1u);
}

BOOST_AUTO_TEST_CASE(confirmation_after_the_unsubscribe_is_stale) {
  SubscriptionTracker tracker;
  tracker.add("t");
  due(tracker);
  tracker.remove("t");
  BOOST_TEST((tracker.on_subscribed("t").answer == Answer::stale));
  BOOST_TEST(due(tracker).size() == 1u);
  BOOST_TEST((tracker.on_unsubscribed("t") == Answer::stale));
  BOOST_TEST(tracker.entries() == 0u);
}

BOOST_AUTO_TEST_CASE(confirmation_that_came_while_unwanted_answers_the_next_reference) {
  SubscriptionTracker tracker;
  tracker.add("t");
  due(tracker);
  tracker.remove("t");
  BOOST_TEST((tracker.on_subscribed("t").answer == Answer::stale));
  tracker.add("t");  // before the UNSUBSCRIBE was sent: the server still has it
  BOOST_TEST(due(tracker).empty());
  std::string topic;
  BOOST_TEST(tracker.next_reconfirmation(topic));
  BOOST_TEST(tracker.confirmed() == 1u);
}

BOOST_AUTO_TEST_CASE(reconfirmation_of_a_topic_that_was_dropped_meanwhile_is_skipped) {
  SubscriptionTracker tracker;
  subscribe_and_confirm(tracker, "t");
  tracker.add("t");
  tracker.remove("t");
  tracker.remove("t");
  std::string topic;
  BOOST_TEST(!tracker.next_reconfirmation(topic));
}

BOOST_AUTO_TEST_CASE(reconnect_makes_everything_wanted_due_again) {
  SubscriptionTracker tracker;
  subscribe_and_confirm(tracker, "a");
  subscribe_and_confirm(tracker, "b");
  tracker.add("c");
  due(tracker);
  tracker.add("d");
  tracker.remove("b");
  tracker.disconnected();
  BOOST_TEST(tracker.confirmed() == 0u);
  BOOST_TEST(tracker.wanted() == 3u);
  const auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  BOOST_TEST(std::set<std::string>(batches[0].topics.begin(), batches[0].topics.end()) ==
                 (std::set<std::string>{"a", "c", "d"}),
             boost::test_tools::per_element());
  BOOST_TEST(tracker.on_subscribed("a").times == 1u);
  BOOST_TEST(tracker.on_subscribed("c").times == 1u);
}

BOOST_AUTO_TEST_CASE(answers_that_nobody_asked_for_are_told) {
  SubscriptionTracker tracker;
  BOOST_TEST((tracker.on_subscribed("x").answer == Answer::unsolicited));
  BOOST_TEST((tracker.on_unsubscribed("x") == Answer::unsolicited));
  subscribe_and_confirm(tracker, "t");
  BOOST_TEST((tracker.on_subscribed("t").answer == Answer::unsolicited));
  BOOST_TEST((tracker.on_unsubscribed("t") == Answer::unsolicited));
  BOOST_TEST((tracker.on_unsubscribed("") == Answer::unsolicited));
}

BOOST_AUTO_TEST_CASE(batches_and_the_window_are_bounded) {
  SubscriptionTracker tracker({512, 4096});
  for (int i = 0; i < 10'000; ++i) tracker.add("t" + std::to_string(i));
  auto batches = due(tracker);
  BOOST_TEST(batches.size() == 8u);
  for (const Batch& batch : batches) BOOST_TEST(batch.topics.size() == 512u);
  std::size_t sent = 4096;
  std::deque<std::string> answers;
  for (const Batch& batch : batches) answers.insert(answers.end(), batch.topics.begin(), batch.topics.end());
  while (!answers.empty()) {
    BOOST_REQUIRE((tracker.on_subscribed(answers.front()).answer == Answer::confirmed));
    answers.pop_front();
    for (const Batch& batch : due(tracker)) {
      sent += batch.topics.size();
      answers.insert(answers.end(), batch.topics.begin(), batch.topics.end());
    }
    BOOST_REQUIRE(tracker.in_flight() <= 4096u);
  }
  BOOST_TEST(sent == 10'000u);
  BOOST_TEST(tracker.confirmed() == 10'000u);
}

BOOST_AUTO_TEST_CASE(one_batch_has_one_verb) {
  SubscriptionTracker tracker;
  subscribe_and_confirm(tracker, "a");
  subscribe_and_confirm(tracker, "b");
  tracker.add("c");
  tracker.remove("a");
  tracker.remove("b");
  tracker.add("d");
  const auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 3u);
  BOOST_TEST(batches[0].subscribe);
  BOOST_TEST(!batches[1].subscribe);
  BOOST_TEST(batches[1].topics.size() == 2u);
  BOOST_TEST(batches[2].subscribe);
}

BOOST_AUTO_TEST_CASE(topics_of_a_device_are_told_apart) {
  SubscriptionTracker tracker;
  const std::vector<std::string> topics = {"device:1:metrics", "device:1:state", "device:1:", "device:1",
                                           "device:2:state",   "metrics",        ":",         ""};
  for (const std::string& topic : topics) tracker.add(topic);
  const auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  BOOST_TEST(batches[0].topics == topics, boost::test_tools::per_element());
  BOOST_TEST((tracker.on_subscribed("device:1:state").answer == Answer::confirmed));
  BOOST_TEST((tracker.on_subscribed("device:2:metrics").answer == Answer::unsolicited));
  BOOST_TEST((tracker.on_subscribed("device:1:broadcast").answer == Answer::unsolicited));
  BOOST_TEST(tracker.remove("device:1:state"));
  BOOST_TEST(!tracker.holds("device:1:state"));
  BOOST_TEST(tracker.holds("device:1:metrics"));
  BOOST_TEST(tracker.holds("device:2:state"));
  BOOST_TEST(!tracker.holds("device:2:metrics"));
  BOOST_TEST(tracker.wanted() == topics.size() - 1);
}

// A device has a handful of topics, and their endings share a small table. More of them must still be right.
BOOST_AUTO_TEST_CASE(any_number_of_endings_is_kept_apart) {
  SubscriptionTracker tracker({1'000, 4'096});
  std::vector<std::string> topics;
  for (int i = 0; i < 400; ++i) topics.push_back("device:1:kind-" + std::to_string(i));
  for (const std::string& topic : topics) tracker.add(topic);
  auto batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  BOOST_TEST(batches[0].topics == topics, boost::test_tools::per_element());
  for (const std::string& topic : topics) BOOST_TEST((tracker.on_subscribed(topic).answer == Answer::confirmed));
  for (const std::string& topic : topics) BOOST_TEST(tracker.remove(topic));
  batches = due(tracker);
  BOOST_REQUIRE(batches.size() == 1u);
  for (const std::string& topic : topics) BOOST_TEST((tracker.on_unsubscribed(topic) == Answer::stale));
  BOOST_TEST(tracker.entries() == 0u);
}

BOOST_AUTO_TEST_CASE(every_interleaving_of_seven_steps_on_one_topic_agrees_with_the_model) {
  constexpr int kActions = 6;
  constexpr int kSteps = 7;
  int sequences = 1;
  for (int i = 0; i < kSteps; ++i) sequences *= kActions;
  for (int sequence = 0; sequence < sequences; ++sequence) {
    Model model({2, 3});
    int rest = sequence;
    for (int step = 0; step < kSteps; ++step, rest /= kActions) {
      switch (rest % kActions) {
        case 0:
          model.add("t");
          break;
        case 1:
          model.remove("t");
          break;
        case 2:
          model.send();
          break;
        case 3:
          model.answer();
          break;
        case 4:
          model.reconfirm();
          break;
        default:
          model.drop();
          break;
      }
    }
    model.settle();
  }
}

BOOST_AUTO_TEST_CASE(subscription_that_the_server_ended_is_not_asked_for_until_it_is_held_anew) {
  SubscriptionTracker tracker;
  SubscriptionTracker::Batch batch;
  BOOST_TEST(!tracker.ended("t"));
  tracker.add("t");
  BOOST_TEST(!tracker.ended("t"));  // never sent
  BOOST_REQUIRE(tracker.next_batch(batch));
  BOOST_TEST(!tracker.ended("t"));  // not answered
  tracker.on_subscribed("t");
  BOOST_TEST(tracker.ended("t"));
  BOOST_TEST(tracker.confirmed() == 0u);
  BOOST_TEST(!tracker.ended("t"));
  BOOST_TEST(!tracker.next_batch(batch));
  BOOST_TEST(tracker.remove("t"));
  BOOST_TEST(!tracker.next_batch(batch));  // the server has done it already
  BOOST_TEST(tracker.entries() == 0u);
  tracker.add("t");
  BOOST_TEST(tracker.next_batch(batch));
  BOOST_TEST(batch.subscribe);
}

BOOST_AUTO_TEST_CASE(refused_subscribe_is_not_repeated_but_on_a_new_connection) {
  SubscriptionTracker tracker;
  SubscriptionTracker::Batch batch;
  tracker.add("t");
  BOOST_TEST(!tracker.refused("t"));
  BOOST_REQUIRE(tracker.next_batch(batch));
  BOOST_TEST(tracker.refused("t"));
  BOOST_TEST(tracker.in_flight() == 0u);
  BOOST_TEST(!tracker.refused("t"));
  BOOST_TEST(!tracker.next_batch(batch));
  BOOST_TEST(tracker.holds("t"));
  tracker.disconnected();
  BOOST_TEST(tracker.next_batch(batch));
  // Not wanted any more when the refusal comes: the SUNSUBSCRIBE behind it is answered, too.
  tracker.remove("t");
  BOOST_REQUIRE(tracker.next_batch(batch));
  BOOST_TEST(tracker.refused("t"));
  BOOST_TEST(tracker.entries() == 1u);
  tracker.on_unsubscribed("t");
  BOOST_TEST(tracker.entries() == 0u);
}

BOOST_AUTO_TEST_CASE(long_random_interleavings_on_many_topics_agree_with_the_model) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 200; ++round) {
    Model model({1 + random() % 4, 1 + random() % 12});
    for (int step = 0; step < 400; ++step) {
      // Two devices with three topics each.
      const auto number = random() % 6;
      const std::string topic = "d" + std::to_string(number % 2) + ":k" + std::to_string(number / 2);
      const auto dice = random() % 100;
      if (dice < 30) {
        model.add(topic);
      } else if (dice < 58) {
        model.remove(topic);
      } else if (dice < 75) {
        model.send();
      } else if (dice < 95) {
        model.answer();
      } else if (dice < 99) {
        model.reconfirm();
      } else {
        model.drop();
      }
      model.check();
    }
    model.settle();
  }
}

BOOST_AUTO_TEST_SUITE_END()
