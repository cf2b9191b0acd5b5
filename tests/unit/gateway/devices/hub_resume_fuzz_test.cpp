// Clients that leave one replica and come back to another, while the bus and the database fail, and rows are written
// late: whatever is published after a client's first acknowledgement is received, in order, once, or a gap names it.
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <numeric>
#include <set>

#include "resume_world.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Timestamp;
using Storage = ResumeWorldOptions::Storage;
using Values = ResumeWorldOptions::Values;
using What = Seen::What;

namespace {

constexpr milliseconds kMilli{1};
// How long an event is on its way to a replica, at most.
constexpr milliseconds kFlight{1'000};
constexpr milliseconds kRowLag{15'000};

// Judges all that one client saw, over all its visits.
class Judge {
 public:
  Judge(const ResumeWorld& world, const ResumeWorldOptions& options, std::size_t client)
      : reports_(world.reports()), options_(options), seen_(world.clients()[client]) {
    // Where nobody says when an event was published, each gateway says when it came.
    slack_ = options.timestamps ? kMilli : kFlight;
    // A gap that ends at no sample ends by the clock of the gateway.
    if (options.clock.count() != 0) slack_ += std::max(options.clock, -options.clock);
  }

  std::vector<std::string> faults() {
    const bool unique = options_.values == Values::unique;
    for (now_ = 0; now_ < seen_.size(); ++now_) {
      const Seen& item = seen_[now_];
      if (item.what == What::acknowledged) acknowledged(item);
      if (item.what == What::sample && unique) sample(item);
      if (item.what == What::sample) last_time_ = item.time;
      if (item.what == What::gap) gap(item);
      if (item.what == What::left && !left_) left_ = item.at;
    }
    unique ? find_missing() : count();
    return std::move(faults_);
  }

 private:
  void fault(const std::string& text) { faults_.push_back(text); }

  void acknowledged(const Seen& item) {
    if (!first_ack_) first_ack_ = item.at;
    // Who says nothing of what it has is owed nothing of what came after that, and before it came back.
    if (item.since == "none" && left_) {
      // Of equal samples nothing tells which was its last: it may have been the row of one that was published earlier.
      const Timestamp last = last_time_ != Timestamp{} ? last_time_ - kRowLag - slack_ : *first_ack_;
      not_owed_.emplace_back(last_ > 0 ? reports_.at(last_).published : last, item.at);
    }
    if (item.since == "none") begins_ = true;
    since_time_ = item.since == "time";
    since_given_ = last_time_;
    // A bare time is taken for that of an event; if it was a row's, what was published before it is not asked for.
    if (since_time_ && last_read_ > 0)
      not_owed_.emplace_back(reports_.at(last_read_).published, last_time_ - options_.clock);
    if (since_time_ && options_.values == Values::constant)
      not_owed_.emplace_back(last_time_ - kRowLag - options_.clock, last_time_ - options_.clock);
    // A row that comes late after a bare time may be older than what was there before; then its cursor asks for that.
    if (item.since == "cursor" && last_read_ > 0) last_ = last_read_;
    // Of a report that came twice either copy may be the one that a cursor names.
    repeats_from_ = item.since == "cursor" && last_read_ > 0 && reports_.at(last_read_).twice ? last_read_ : 0;
    // A second subscribe without `since` begins with the latest, which it may have already.
    if (item.resumed.has_value() != (item.since != "none")) fault("`resumed` must answer a `since`, and nothing else");
    const bool safe = !options_.bus_fails && !options_.database_fails &&
                      (options_.storage == Storage::rows_at_once || options_.storage == Storage::stream_then_rows);
    if (safe && item.resumed && !*item.resumed) fault("not resumed, and nothing has failed");
    left_.reset();
  }

  void sample(const Seen& item) {
    ++copies_[item.report];
    const bool first = std::exchange(begins_, false);
    last_read_ = item.report;
    const bool repeats_allowed = first || reports_.at(item.report).twice ||
                                 (repeats_from_ > 0 && item.report >= repeats_from_) ||
                                 (since_time_ && item.time >= since_given_ - kRowLag - slack_);
    if (last_ > 0 && item.report <= last_ && !repeats_allowed)
      fault("report " + std::to_string(item.report) + " after " + std::to_string(last_));
    if (item.report > last_) since_time_ = false, repeats_from_ = 0;
    last_ = first ? item.report : std::max(last_, item.report);
    shown_[item.time].push_back(item.report);
  }

  void gap(const Seen& item) {
    const bool safe = !options_.bus_fails && !options_.database_fails &&
                      (options_.storage == Storage::rows_at_once || options_.storage == Storage::stream_then_rows);
    const std::string text = "a gap until " + std::to_string(item.to.time_since_epoch().count());
    // Of samples that are all alike it may be open whether one is missing.
    if (safe && options_.values == Values::unique) fault(text + ", and nothing has failed");
    if (item.from > item.to) fault(text + " ends before it begins");
    if (item.to > item.at + slack_) fault(text + " reaches into the future");
    if (item.reason != "bus" && item.reason != "resume") fault(text + " because of " + item.reason);
    if (item.reason == "bus" && !options_.bus_fails) fault(text + " of a bus that was not lost");
    Timestamp from = item.from;
    // What begins at a row begins at that sample.
    if (!shown_[item.from].empty()) from = std::min(from, reports_.at(shown_[item.from].back()).time);
    // Of equal samples nothing tells which one a row shows.
    const auto of_event = [&](const auto& each) { return each.second.time == item.from; };
    if (options_.values == Values::constant && std::none_of(reports_.begin(), reports_.end(), of_event))
      from -= kRowLag;
    gaps_.push_back({from, item.from, item.to, now_});
  }

  struct Gap {
    Timestamp from;  // the event that was seen last, where it is told by its row
    Timestamp told_from, to;
    std::size_t place;  // in seen_
  };

  bool excused(const Report& report) const {
    const auto names = [&](const Gap& gap) {
      return gap.from - slack_ <= report.time && report.time <= gap.to + slack_;
    };
    const auto away = [&](const auto& absence) {
      return absence.first <= report.published && report.published <= absence.second;
    };
    return std::any_of(gaps_.begin(), gaps_.end(), names) || std::any_of(not_owed_.begin(), not_owed_.end(), away);
  }

  void find_missing() {
    if (!first_ack_) return fault("never acknowledged");
    for (const auto& [number, report] : reports_) {
      if (report.published <= *first_ack_ || copies_.count(number) > 0 || excused(report)) continue;
      fault("report " + std::to_string(number) + " was never received, and no gap names it");
    }
    for (const Gap& gap : gaps_) check_exact(gap);
  }

  // No sample that was received lies in it, but for the one with which a client begins after it.
  void check_exact(const Gap& gap) {
    std::size_t next = gap.place + 1;
    while (next < seen_.size() && seen_[next].what != What::sample) ++next;
    for (const int report : shown_[gap.told_from])
      if (reports_.at(report).twice) return;  // its second copy may have come after later ones
    // Who begins anew may begin with an older one, and who comes back later may ask again for what was missing.
    std::size_t i = gap.place;
    while (i > 0 && !(seen_[i].what == What::acknowledged && seen_[i].since == "none")) --i;
    for (; i < seen_.size(); ++i) {
      if (i > gap.place && seen_[i].what == What::acknowledged) break;
      if (seen_[i].what != What::sample || i == next) continue;
      const Timestamp time = reports_.at(seen_[i].report).time;
      const auto within = [&](Timestamp t) { return t > gap.told_from + slack_ && t < gap.to - kFlight - slack_; };
      if (within(time) && within(seen_[i].time))
        fault("report " + std::to_string(seen_[i].report) + " was received, and a gap names it");
    }
  }

  // Nothing tells which is which: none may be lost.
  void count() {
    if (!first_ack_) return fault("never acknowledged");
    std::size_t received = 0;
    bool begins = false;
    std::set<Timestamp> times;
    for (const Seen& item : seen_) {
      if (item.what == What::acknowledged) begins = item.since == "none" || !item.resumed.value_or(false);
      if (item.what != What::sample) continue;
      // The latest, with which it begins, may be from before, or have come before.
      const bool is_new = times.insert(item.time).second && item.time > *first_ack_;
      received += !std::exchange(begins, false) || is_new;
    }
    const auto owed = std::count_if(reports_.begin(), reports_.end(), [&](const auto& each) {
      return each.second.published > *first_ack_ && !excused(each.second);
    });
    if (received < static_cast<std::size_t>(owed))
      fault(std::to_string(received) + " samples were received of " + std::to_string(owed));
  }

  const std::map<int, Report>& reports_;
  const ResumeWorldOptions& options_;
  const std::vector<Seen>& seen_;
  milliseconds slack_{0};
  std::vector<std::string> faults_;
  std::size_t now_ = 0;
  std::optional<Timestamp> first_ack_, left_;
  std::vector<std::pair<Timestamp, Timestamp>> not_owed_;
  std::vector<Gap> gaps_;
  std::map<int, int> copies_;
  std::map<Timestamp, std::vector<int>> shown_;  // by the messages' own times
  bool begins_ = false, since_time_ = false;
  int last_ = 0, last_read_ = 0;  // the latest report, and the last one that came
  int repeats_from_ = 0;          // 0: none may be repeated
  Timestamp last_time_{}, since_given_{};
};

using Outcomes = std::array<std::uint64_t, kResumeOutcomes>;

Outcomes run_worlds(const ResumeWorldOptions& options, std::uint64_t worlds) {
  Outcomes sum{};
  std::uint64_t first = 1;
  if (const char* const seed = std::getenv("PULSEGATE_TEST_SEED")) first = std::strtoull(seed, nullptr, 10);
  for (std::uint64_t seed = first; seed < first + worlds; ++seed) {
    ResumeWorld world(seed, options);
    world.run();
    for (std::size_t client = 0; client < world.clients().size(); ++client) {
      const auto faults = Judge(world, options, client).faults();
      if (faults.empty()) continue;
      BOOST_ERROR("seed " << seed << ", client " << client << ": " << faults.front());
      for (const std::string& sentence : world.story()) BOOST_TEST_MESSAGE(sentence);
      break;
    }
    const Outcomes one = world.outcomes();
    std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(), std::plus<>());
  }
  return sum;
}

std::uint64_t count(const Outcomes& outcomes, ResumeOutcome outcome) {
  return outcomes[static_cast<std::size_t>(outcome)];
}

constexpr Storage kAll[] = {Storage::rows_at_once, Storage::rows_late, Storage::stream_then_rows, Storage::stream_only,
                            Storage::nothing};
constexpr std::uint64_t kWorlds = 20;

}  // namespace

BOOST_AUTO_TEST_SUITE(HubResumeFuzz)

// The promise: wherever a client comes back, nothing is missing, and nothing is said to be.
BOOST_AUTO_TEST_CASE(with_rows_at_once_or_a_stream_every_return_is_resumed_without_a_gap) {
  ResumeWorldOptions options;
  const Outcomes rows = run_worlds(options, kWorlds);
  BOOST_TEST(count(rows, ResumeOutcome::memory) > 20u);
  BOOST_TEST(count(rows, ResumeOutcome::rows) > 20u);
  BOOST_TEST(count(rows, ResumeOutcome::gap) == 0u);
  options.storage = Storage::stream_then_rows;
  const Outcomes stream = run_worlds(options, kWorlds);
  BOOST_TEST(count(stream, ResumeOutcome::stream) > 20u);
  BOOST_TEST(count(stream, ResumeOutcome::gap) == 0u);
}

BOOST_AUTO_TEST_CASE(wherever_samples_are_stored_none_is_lost_in_silence) {
  ResumeWorldOptions options;
  for (const Storage storage : kAll) {
    options.storage = storage;
    BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage)) {
      run_worlds(options, kWorlds);
    }
  }
}

BOOST_AUTO_TEST_CASE(while_buses_and_databases_fail_none_is_lost_in_silence) {
  ResumeWorldOptions options;
  options.bus_fails = options.database_fails = true;
  Outcomes sum{};
  for (const Storage storage : kAll) {
    options.storage = storage;
    BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage)) {
      const Outcomes one = run_worlds(options, kWorlds);
      std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(), std::plus<>());
    }
  }
  for (std::size_t i = 0; i < sum.size(); ++i) BOOST_TEST(sum[i] > 10u, kResumeOutcomeNames[i] << " " << sum[i]);
}

BOOST_AUTO_TEST_CASE(reports_that_come_twice_are_not_lost) {
  ResumeWorldOptions options;
  options.doubled = true;
  for (const Storage storage : kAll) {
    options.storage = storage;
    for (const bool fails : {false, true}) {
      options.bus_fails = fails;
      BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage) << ", bus " << fails) {
        run_worlds(options, 10);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(events_without_a_time_are_not_lost) {
  ResumeWorldOptions options;
  options.timestamps = false;
  for (const Storage storage : kAll) {
    options.storage = storage;
    for (const bool fails : {false, true}) {
      options.bus_fails = fails;
      BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage) << ", bus " << fails) {
        run_worlds(options, 10);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_publisher_whose_clock_is_wrong_loses_nothing) {
  ResumeWorldOptions options;
  for (const Storage storage : kAll) {
    options.storage = storage;
    for (const int clock : {-5'000, 5'000}) {
      options.clock = milliseconds(clock);
      for (const bool fails : {false, true}) {
        options.bus_fails = fails;
        BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage) << ", clock " << clock << ", bus " << fails) {
          run_worlds(options, 5);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(of_samples_that_are_all_alike_none_is_lost) {
  ResumeWorldOptions options;
  options.values = Values::constant;
  for (const Storage storage : kAll) {
    options.storage = storage;
    for (const bool fails : {false, true}) {
      options.bus_fails = options.database_fails = fails;
      BOOST_TEST_CONTEXT("storage " << static_cast<int>(storage) << ", trouble " << fails) {
        run_worlds(options, 10);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
