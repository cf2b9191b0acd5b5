#include "arena.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/integration/gateway/stack.hpp"

namespace pulsegate::test {
namespace {

using Kind = ReceivedItem::Kind;

constexpr long long kRowLag = 15'000;  // the gateway's default
// Failures print so many clients; the others have mostly the same.
constexpr std::size_t kMostStories = 3;

bool covers(const ReceivedItem& gap, long long time) {
  return gap.kind == Kind::gap && time >= gap.from - 1 && time <= gap.to + 1;
}

std::string story(const Watcher& watcher, const std::vector<PublishedReport>& published) {
  std::string text = "  device " + std::to_string(watcher.device);
  for (const ReceivedItem& item : watcher.session.received) {
    text += "\n  " + iso_time(item.at).substr(11) + " ";
    if (item.kind == Kind::acknowledged) text += "subscribed";
    if (item.kind == Kind::gap) text += "gap " + iso_time(item.from) + " … " + iso_time(item.to) + " " + item.reason;
    if (item.kind == Kind::sample) text += "report " + std::to_string(item.report) + " of " + iso_time(item.time);
  }
  for (const Watcher::Told& told : watcher.told) text += "\n  " + iso_time(told.at).substr(11) + " " + told.what;
  text += "\n  published:";
  for (std::size_t i = 0; i < published.size(); ++i)
    text += "\n  " + iso_time(published[i].time).substr(11) + " " + std::to_string(i);
  return text;
}

std::string seen_by_all(const std::vector<Watcher>& watchers) {
  std::map<std::string, std::size_t> messages;
  for (const Watcher& watcher : watchers)
    for (const auto& [type, count] : watcher.messages)
      if (type != "connected" && type != "subscribed") messages[type] += count;
  std::string text;
  for (const auto& [type, count] : messages)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " `" + type + "`";
  return text;
}

}  // namespace

Arena::Arena(ArenaOptions options) : redis_(options.redis), postgres_(options.postgres) {
  redis_.start();
  postgres_.start();
  postgres_.create_guide_schema();
  if (options.proxy) proxy_ = std::make_unique<HaltingProxy>(redis_.port());
  const std::string url = proxy_ ? "redis://127.0.0.1:" + std::to_string(proxy_->port()) + "/0" : redis_.url();
  GatewayOptions gateway;
  const std::string database = options.database ? postgres_.connection_string() : "none";
  gateway.args = {"--redis", url, "--database", database, "--auth", "none"};
  gateway.args.insert(gateway.args.end(), options.gateway.begin(), options.gateway.end());
  gateway.open_files = options.open_files;
  gateway_ = std::make_unique<GatewayProcess>(std::move(gateway));
  for (std::size_t i = 0; i < options.devices; ++i) devices_.push_back(new_device());
  crowd_ = std::make_unique<Crowd>(gateway_->port(), devices_, options.clients);
  BOOST_REQUIRE(crowd_->wait_until_watching());
  reporter_ = std::make_unique<Reporter>(
      ReporterOptions{redis_.port(), postgres_.connection_string(), devices_, scale().interval});
  BOOST_REQUIRE(wait_for_reports(2));
}

// Clients and devices before what they talk to.
Arena::~Arena() {
  crowd_.reset();
  reporter_.reset();
  gateway_.reset();
}

bool Arena::wait_for_reports(int more, Millis deadline) {
  std::vector<int> wanted;
  for (std::size_t i = 0; i < devices_.size(); ++i)
    wanted.push_back(static_cast<int>(reporter_->published(i).size()) - 1 + more);
  return crowd_->wait_for_all([&](const Watcher& w) { return w.end || w.last_report >= wanted[w.device]; }, deadline);
}

ResultRow Arena::judge(const std::string& scenario, std::optional<Outage> outage) {
  BOOST_TEST(reporter_->finish(kServerDeadline), "not every row is stored");
  std::vector<std::vector<PublishedReport>> published;
  for (std::size_t i = 0; i < devices_.size(); ++i) published.push_back(reporter_->published(i));
  const auto complete = [&](const Watcher& watcher) {
    return watcher.end || watcher.last_report == static_cast<int>(published[watcher.device].size()) - 1;
  };
  BOOST_TEST(crowd_->wait_for_all(complete, kServerDeadline), "not everybody got the last report");

  ResumeRules rules;
  rules.row_lag = kRowLag;
  // Devices report at this pace, and a moment passes until they are heard again.
  rules.longest_pause = 2 * scale().interval.count() + 5'000;
  if (outage) rules.outages.push_back(*outage);

  ResultRow row;
  row.scenario = scenario;
  std::vector<Watcher> watchers = crowd_->watchers();
  row.clients = watchers.size();
  std::size_t stories = 0;
  for (Watcher& watcher : watchers) {
    watcher.session.to_the_end = !watcher.end;
    if (watcher.end) ++row.disconnects;
    const std::vector<PublishedReport>& reports = published[watcher.device];
    const Faults faults = check_session(reports, watcher.session, rules);

    std::set<int> received;
    long long acknowledged = 0;
    for (const ReceivedItem& item : watcher.session.received) {
      if (item.kind == Kind::acknowledged) acknowledged = item.at;
      if (item.kind == Kind::sample) received.insert(item.report);
    }
    std::size_t missing = 0, owed = 0, got = 0;
    for (int i = 0; i < static_cast<int>(reports.size()); ++i) {
      if (reports[static_cast<std::size_t>(i)].time <= acknowledged) continue;
      if (watcher.end && i > watcher.last_report) break;  // may have been on its way
      ++owed;
      received.count(i) != 0 ? ++got : ++missing;
    }
    // Each report that is neither received nor named is a fault of its own.
    const auto lost = static_cast<std::size_t>(std::count_if(faults.begin(), faults.end(), [](const std::string& f) {
      return f.find("never received") != std::string::npos;
    }));
    row.owed += owed;
    row.received += got;
    row.lost += lost;
    row.named += missing - std::min(missing, lost);
    if (faults.empty()) continue;
    std::string text;
    for (const std::string& fault : faults) text += fault + "\n";
    if (++stories <= kMostStories) BOOST_ERROR(text + story(watcher, reports));
  }
  BOOST_TEST(stories == 0u, "faults of so many clients: " << stories);
  row.note = seen_by_all(watchers);
  return row;
}

Millis repaired_after(const std::vector<Watcher>& watchers, const Reporter& reporter, long long end) {
  std::vector<std::vector<PublishedReport>> published;
  long long last = end;
  for (const Watcher& watcher : watchers) {
    while (published.size() <= watcher.device) published.push_back(reporter.published(published.size()));
    std::map<int, long long> arrivals;
    for (const ReceivedItem& item : watcher.session.received)
      if (item.kind == Kind::sample) arrivals.emplace(item.report, item.at);
    const auto& reports = published[watcher.device];
    for (int i = 0; i < static_cast<int>(reports.size()); ++i) {
      const long long time = reports[static_cast<std::size_t>(i)].time;
      if (time > end) break;
      const auto arrival = arrivals.find(i);
      if (arrival != arrivals.end()) {
        last = std::max(last, arrival->second);
        continue;
      }
      for (const ReceivedItem& item : watcher.session.received)
        if (covers(item, time)) {
          last = std::max(last, item.at);
          break;
        }
    }
    if (const auto up = watcher.when_told("bus up", end)) last = std::max(last, *up);
  }
  return Millis(last - end);
}

double live_p99_ms(const std::vector<Watcher>& watchers, const Reporter& reporter, long long from) {
  std::vector<long long> ages;
  std::vector<std::vector<PublishedReport>> published;
  for (const Watcher& watcher : watchers) {
    while (published.size() <= watcher.device) published.push_back(reporter.published(published.size()));
    for (const ReceivedItem& item : watcher.session.received) {
      if (item.kind != Kind::sample || item.at < from || item.report < 0) continue;
      ages.push_back(item.at - published[watcher.device].at(static_cast<std::size_t>(item.report)).time);
    }
  }
  if (ages.empty()) return 0;
  std::sort(ages.begin(), ages.end());
  return static_cast<double>(ages[ages.size() * 99 / 100]);
}

Millis told_after(const std::vector<Watcher>& watchers, const std::string& what, long long begin) {
  long long last = begin;
  std::size_t untold = 0;
  for (const Watcher& watcher : watchers) {
    const auto at = watcher.when_told(what, begin);
    if (!at) ++untold;
    last = std::max(last, at.value_or(begin));
  }
  BOOST_TEST(untold == 0u, "so many were not told '" << what << "': " << untold);
  return Millis(last - begin);
}

}  // namespace pulsegate::test
