// The race between snapshot and live, driven through thousands of interleavings with a manual clock: a publisher that
// publishes and later inserts in order, a bus that confirms late, a query that sees the table at one moment and answers
// at another, a bus that is lost and found. Whatever the order: every event after the acknowledgement once, every
// sample one point.
#include <boost/test/unit_test.hpp>

#include <deque>
#include <random>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;

namespace {

constexpr std::size_t kWindow = 30;

// The API server's part: sample n is published once, and its row written up to ten seconds later, in order.
class World {
 public:
  World(std::uint64_t seed, bool outage) : random_(seed), outage_(outage) {}

  void run() {
    const int first_seen = 1 + draw(20);  // samples before the client comes
    while (published_ < first_seen) step_publisher();
    TestClient client(f_, f_.device(1));
    client.subscribe({Channel::metrics, Channel::history});
    const int last = first_seen + 10 + draw(25);
    const int lose_at = outage_ ? first_seen + 5 + draw(5) : -1;
    bool lost = false;
    while (published_ < last) {
      step_publisher();
      // Each of these may or may not happen between two samples.
      if (!confirmed_ && f_.subscriber.up() && draw(3) == 0) confirm();
      if (draw(2) == 0) look_at_table();
      if (draw(2) == 0) answer();
      if (!lost && published_ == lose_at) {
        f_.bus_down();
        confirmed_ = false;
        lost = true;
      } else if (lost && !f_.subscriber.up() && draw(4) == 0) {
        f_.bus_up();
      }
      collect(client);
    }
    if (!f_.subscriber.up()) f_.bus_up();
    if (!confirmed_) confirm();
    // Time passes: all rows are written, every read is answered, the second look has been taken.
    for (int i = 0; i < 60; ++i) {
      f_.advance(std::chrono::seconds(1));
      insert_due();
      look_at_table();
      answer();
      collect(client);
    }
    check();
  }

 private:
  int draw(int bound) { return static_cast<int>(std::uniform_int_distribution<int>(0, bound - 1)(random_)); }

  void step_publisher() {
    f_.advance(std::chrono::milliseconds(200 + draw(1'500)));
    insert_due();
    ++published_;
    const bool heard = confirmed_;
    f_.publish_metrics(1, published_);
    if (heard) expected_.push_back(published_);
    // In order: never before the row of the sample before.
    const auto due = f_.clock.now().wall + std::chrono::milliseconds(draw(10'000));
    last_due_ = std::max(last_due_, due);
    unwritten_.push_back({published_, last_due_});
  }

  void insert_due() {
    while (!unwritten_.empty() && unwritten_.front().second <= f_.clock.now().wall) {
      auto row = f_.row(unwritten_.front().first, 0);
      row.recorded_at = f_.clock.now().wall;  // the time of insertion
      table_.push_back(row);
      unwritten_.pop_front();
    }
  }

  void confirm() {
    f_.confirm_device(1);
    confirmed_ = true;
  }

  // The query sees the table now; its answer travels until answer().
  void look_at_table() {
    if (seen_ || f_.source.outstanding() == 0) return;
    seen_.emplace();
    const std::size_t from = table_.size() > kWindow ? table_.size() - kWindow : 0;
    seen_->metrics.assign(table_.begin() + static_cast<std::ptrdiff_t>(from), table_.end());
    if (!table_.empty()) seen_->newest_metrics_json = R"({"row":true})";
  }

  void answer() {
    if (!seen_) return;
    f_.source.answer(*seen_);
    seen_.reset();
    f_.run();
  }

  void collect(TestClient& client) {
    for (const Json& message : client.take()) {
      if (message.type() == "history") history_ = cpu_of_history(message);
      if (message.type() == "metrics" && message.at("data").has("cpu_usage"))
        metrics_.push_back(static_cast<int>(message.at("data").at("cpu_usage").number()));
    }
  }

  void check() {
    // The first value may be that of a row, which then is of a sample that was not to come by the bus.
    if (!metrics_.empty() && (expected_.empty() || metrics_.front() < expected_.front()))
      metrics_.erase(metrics_.begin());
    BOOST_REQUIRE_EQUAL_COLLECTIONS(metrics_.begin(), metrics_.end(), expected_.begin(), expected_.end());
    std::vector<int> truth;
    for (int i = std::max(1, published_ - static_cast<int>(kWindow) + 1); i <= published_; ++i) truth.push_back(i);
    BOOST_REQUIRE_EQUAL_COLLECTIONS(history_.begin(), history_.end(), truth.begin(), truth.end());
  }

  std::mt19937_64 random_;
  const bool outage_;
  HubFixture f_;
  bool confirmed_ = false;
  int published_ = 0;
  std::vector<int> expected_;  // published while the bus had confirmed
  std::vector<int> metrics_;
  std::vector<int> history_;
  std::deque<std::pair<int, proto::Timestamp>> unwritten_;
  proto::Timestamp last_due_{};
  std::vector<storage::MetricsRow> table_;
  std::optional<storage::Snapshot> seen_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(HubRace)

BOOST_AUTO_TEST_CASE(no_interleaving_loses_or_doubles_a_sample) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) World(seed, false).run();
  }
}

BOOST_AUTO_TEST_CASE(no_interleaving_with_a_lost_bus_leaves_a_hole_in_history) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) World(seed, true).run();
  }
}

BOOST_AUTO_TEST_SUITE_END()
