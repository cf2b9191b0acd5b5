// See resume_check.hpp.
#include "tests/support/resume_check.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

namespace pulsegate::test {
namespace {

using Kind = ReceivedItem::Kind;
using Since = ClientSession::Since;

// Times are written in whole milliseconds.
constexpr long long kMilli = 1;
// A gap that ends so shortly before it is received ends now.
constexpr long long kNow = 1'000;

std::string number(long long value) {
  return std::to_string(value);
}

class SessionCheck {
 public:
  SessionCheck(const std::vector<PublishedReport>& published, const ClientSession& session, const ResumeRules& rules)
      : published_(published), session_(session), rules_(rules) {}

  // Without `by_number` only what needs no knowledge of which sample is which.
  Faults run(bool by_number) {
    unique_ = by_number;
    for (const ReceivedItem& item : session_.received) {
      if (item.kind == Kind::acknowledged) {
        acknowledged(item);
      } else if (!ack_) {
        fault("something came before the acknowledgement");
      } else if (item.kind == Kind::gap) {
        gap(item);
      } else if (by_number) {
        sample(item);
      }
    }
    if (ack_ && by_number) find_missing();
    return std::move(faults_);
  }

  // Whether a gap of this session names the event.
  bool excused(const PublishedReport& report) const {
    return std::any_of(gaps_.begin(), gaps_.end(), [&](const ReceivedItem& gap) {
      return report.time >= start_of(gap) - kMilli && report.time <= gap.to + kMilli;
    });
  }

 private:
  void fault(const std::string& text) { faults_.push_back(text); }
  bool resumed() const { return ack_->resumed.value_or(false); }
  const PublishedReport& report(int i) const { return published_[static_cast<std::size_t>(i)]; }

  bool known(int i) const { return i >= 0 && i < static_cast<int>(published_.size()); }

  void acknowledged(const ReceivedItem& item) {
    if (ack_) fault("acknowledged twice");
    if (item.resumed.has_value() != (session_.since != Since::none))
      fault("`resumed` must answer a `since`, and nothing else");
    ack_ = item;
  }

  // A row is stamped when it is inserted, up to the row lag after its event. A gap that begins at a row begins at the
  // sample, so what was published between event and row is in it.
  long long start_of(const ReceivedItem& gap) const {
    long long from = gap.from;
    const auto named = [&](int i, long long time) {
      if (known(i) && std::abs(time - gap.from) <= kMilli) from = std::min(from, report(i).time);
    };
    if (session_.since != Since::none) named(session_.since_report, session_.since_time);
    for (const ReceivedItem& item : session_.received)
      if (item.kind == Kind::sample) named(item.report, item.time);
    return from;
  }

  void gap(const ReceivedItem& item) {
    gaps_.push_back(item);
    const std::string text = "the gap " + number(item.from) + " … " + number(item.to) + " (" + item.reason + ")";
    if (item.from > item.to) fault(text + " ends before it begins");
    if (item.to > item.at + kMilli) fault(text + " reaches into the future");
    if (item.reason == "resume" && session_.since == Since::none) fault(text + " answers no `since`");
    if (item.reason == "bus") {
      const bool was_away = std::any_of(rules_.outages.begin(), rules_.outages.end(), [&](const Outage& outage) {
        return item.from >= outage.from - rules_.longest_pause && item.to <= outage.to + rules_.longest_pause &&
               item.to >= outage.from;
      });
      if (!was_away) fault(text + " is not that of an outage");
      return;
    }
    const std::optional<long long> seen = last_seen();
    // Of equal samples the last that came may be the row of an earlier one, and one that came twice.
    if (unique_ && seen && item.from < *seen - kMilli)
      fault(text + " begins before the last sample that was seen, " + number(*seen));
    gap_to_close_ = item;
  }

  long long event_time(int i, long long timestamp) const {
    return known(i) ? std::min(timestamp, report(i).time) : timestamp;
  }

  // Nothing before it can be missing.
  std::optional<long long> last_seen() const {
    if (last_) return event_time(last_->report, last_->time);
    if (session_.since != Since::none) return event_time(session_.since_report, session_.since_time);
    return std::nullopt;
  }

  // A gap ends at the sample after it, or where nothing is replayed, now.
  void close_gap(const ReceivedItem& next) {
    const auto gap = std::exchange(gap_to_close_, std::nullopt);
    if (gap && gap->to > next.time + kMilli && gap->to < gap->at - kNow)
      fault("the gap until " + number(gap->to) + " covers the sample after it, " + number(next.time));
  }

  void sample(const ReceivedItem& item) {
    const int i = item.report;
    if (!known(i)) {
      fault("a sample that was never published, timestamp " + number(item.time));
      return;
    }
    close_gap(item);
    const std::optional<ReceivedItem> before = std::exchange(last_, item);
    const int copies = ++copies_[i];
    const int allowed = report(i).doubled ? 2 : 1;
    if (copies > allowed) fault("report " + number(i) + " was received " + number(copies) + " times");
    if (before && i < before->report) fault("report " + number(i) + " came after report " + number(before->report));
    if (before || !resumed()) return;  // who was not resumed begins with the latest sample, whichever that is
    if (session_.since == Since::cursor && (i < session_.since_report || (i == session_.since_report && allowed == 1)))
      fault("report " + number(i) + " had been seen before: the cursor was that of " + number(session_.since_report));
    if (session_.since == Since::time &&
        report(i).time < session_.since_time - rules_.row_lag - rules_.clocks_apart - kMilli)
      fault("report " + number(i) + " is from long before the time that was given");
  }

  // Whether this session owes the report to its client.
  bool due(int i) const {
    const PublishedReport& candidate = report(i);
    if (!candidate.on_bus) return false;
    if (!session_.to_the_end && (!last_ || i > last_->report)) return false;  // may have been on its way
    if (candidate.time > ack_->at) return true;
    if (session_.since == Since::cursor) return i > session_.since_report;
    return session_.since == Since::time && candidate.time > session_.since_time + kMilli;
  }

  void find_missing() {
    for (int i = 0; i < static_cast<int>(published_.size()); ++i) {
      if (copies_.count(i) != 0 || !due(i) || excused(report(i))) continue;
      fault("report " + number(i) + " of " + number(report(i).time) + " was never received, and no gap names it");
    }
  }

  const std::vector<PublishedReport>& published_;
  const ClientSession& session_;
  const ResumeRules& rules_;
  bool unique_ = true;  // the values of each report
  std::optional<ReceivedItem> ack_, last_, gap_to_close_;
  std::vector<ReceivedItem> gaps_;
  std::map<int, int> copies_;
  Faults faults_;
};

}  // namespace

Faults check_session(const std::vector<PublishedReport>& published, const ClientSession& session,
                     const ResumeRules& rules) {
  return SessionCheck(published, session, rules).run(true);
}

Faults check_constant_chain(const std::vector<PublishedReport>& published, const std::vector<ClientSession>& chain,
                            const ResumeRules& rules) {
  Faults faults;
  std::vector<SessionCheck> checks;
  std::optional<long long> begin;
  std::size_t received = 0;
  for (const ClientSession& session : chain) {
    checks.emplace_back(published, session, rules);
    const Faults own = checks.back().run(false);
    faults.insert(faults.end(), own.begin(), own.end());
    const ReceivedItem* ack = nullptr;
    for (const ReceivedItem& item : session.received) {
      if (item.kind == Kind::acknowledged) {
        ack = &item;
        if (!begin) begin = item.at;
      }
      if (item.kind != Kind::sample || ack == nullptr) continue;
      // The latest sample with which a session begins is none that came after.
      if (ack->resumed.value_or(false) || item.time >= ack->at) ++received;
    }
  }
  if (chain.empty() || !chain.back().to_the_end || !begin) return faults;
  const auto owed = std::count_if(published.begin(), published.end(), [&](const PublishedReport& report) {
    return report.on_bus && report.time > *begin &&
           std::none_of(checks.begin(), checks.end(), [&](const SessionCheck& check) { return check.excused(report); });
  });
  if (received < static_cast<std::size_t>(owed))
    faults.push_back(number(static_cast<long long>(received)) + " samples were received, " + number(owed) +
                     " were published outside of gaps");
  return faults;
}

Faults check_window(const std::vector<int>& shown, int count, int capacity) {
  Faults faults;
  std::map<int, int> copies;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown[i] < 0 || shown[i] >= count) faults.push_back("a point of no report");
    if (++copies[shown[i]] == 2) faults.push_back("report " + number(shown[i]) + " is more than one point");
    if (i > 0 && shown[i] < shown[i - 1])
      faults.push_back("report " + number(shown[i]) + " stands after report " + number(shown[i - 1]));
  }
  for (int i = std::max(0, count - capacity); i < count; ++i)
    if (copies.count(i) == 0) faults.push_back("report " + number(i) + " is no point");
  if (static_cast<int>(shown.size()) > capacity) faults.push_back("more points than a window holds");
  return faults;
}

}  // namespace pulsegate::test
