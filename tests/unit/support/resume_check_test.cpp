// The judge of resume can fail: each promise that a client can be denied is found broken, and what is allowed passes.
#include <boost/test/unit_test.hpp>

#include "tests/support/resume_check.hpp"

using namespace pulsegate::test;

namespace {

using Kind = ReceivedItem::Kind;
using Since = ClientSession::Since;

const ResumeRules kRules{15'000, {}, 4'000};

// Ten reports, a second apart.
std::vector<PublishedReport> ten_reports() {
  std::vector<PublishedReport> reports(10);
  for (std::size_t i = 0; i < reports.size(); ++i) reports[i].time = 1'000 * static_cast<long long>(i + 1);
  return reports;
}

ReceivedItem acknowledged(long long at, std::optional<bool> resumed = std::nullopt) {
  ReceivedItem item;
  item.kind = Kind::acknowledged;
  item.at = at;
  item.resumed = resumed;
  return item;
}

// Of report i, a little after it was published, or with the stamp of its row.
ReceivedItem sample(int i, long long row_delay = 0) {
  ReceivedItem item;
  item.report = i;
  item.time = 1'000 * (i + 1) + row_delay;
  item.at = item.time + 5;
  return item;
}

ReceivedItem gap(long long from, long long to, const std::string& reason, long long at) {
  ReceivedItem item;
  item.kind = Kind::gap;
  item.from = from;
  item.to = to;
  item.reason = reason;
  item.at = at;
  return item;
}

ClientSession fresh(std::vector<ReceivedItem> received, bool to_the_end = true) {
  ClientSession session;
  session.received = std::move(received);
  session.to_the_end = to_the_end;
  return session;
}

ClientSession after(Since since, int report, std::vector<ReceivedItem> received) {
  ClientSession session = fresh(std::move(received));
  session.since = since;
  session.since_report = report;
  session.since_time = 1'000 * (report + 1);
  return session;
}

bool names(const Faults& faults, const std::string& text) {
  for (const std::string& fault : faults)
    if (fault.find(text) != std::string::npos) return true;
  return false;
}

Faults check(const ClientSession& session, const ResumeRules& rules = kRules) {
  return check_session(ten_reports(), session, rules);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ResumeCheck)

BOOST_AUTO_TEST_CASE(what_comes_after_the_acknowledgement_must_come) {
  BOOST_TEST(check(fresh({acknowledged(6'500), sample(6), sample(7), sample(8), sample(9)})).empty());
  // The latest sample comes first; what was published between it and the acknowledgement need not come.
  BOOST_TEST(check(fresh({acknowledged(6'500), sample(2), sample(6), sample(7), sample(8), sample(9)})).empty());
  BOOST_TEST(names(check(fresh({acknowledged(6'500), sample(6), sample(8), sample(9)})), "report 7 of 8000 was never"));
  BOOST_TEST(names(check(fresh({acknowledged(6'500), sample(6), sample(7), sample(8)})), "report 9"));
  BOOST_TEST(check(fresh({acknowledged(6'500), sample(6), sample(7)}, false)).empty());
  BOOST_TEST(names(check(fresh({acknowledged(6'500), sample(7)}, false)), "report 6"));
  BOOST_TEST(check(fresh({})).empty());
}

BOOST_AUTO_TEST_CASE(a_report_that_was_perhaps_not_published_is_owed_to_nobody) {
  auto reports = ten_reports();
  reports[7].on_bus = false;
  const auto without = fresh({acknowledged(6'500), sample(6), sample(8), sample(9)});
  const auto with = fresh({acknowledged(6'500), sample(6), sample(7), sample(8), sample(9)});
  BOOST_TEST(check_session(reports, without, kRules).empty());
  BOOST_TEST(check_session(reports, with, kRules).empty());
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_found_unless_the_report_was_doubled) {
  const auto twice = fresh({acknowledged(7'500), sample(7), sample(8), sample(8), sample(9)});
  BOOST_TEST(names(check(twice), "report 8 was received 2 times"));
  auto reports = ten_reports();
  reports[8].doubled = true;
  BOOST_TEST(check_session(reports, twice, kRules).empty());
  const auto thrice = fresh({acknowledged(7'500), sample(7), sample(8), sample(8), sample(8), sample(9)});
  BOOST_TEST(names(check_session(reports, thrice, kRules), "report 8 was received 3 times"));
}

BOOST_AUTO_TEST_CASE(disorder_is_found) {
  BOOST_TEST(names(check(fresh({acknowledged(6'500), sample(6), sample(8), sample(7), sample(9)})),
                   "report 7 came after report 8"));
}

BOOST_AUTO_TEST_CASE(what_nobody_published_is_found) {
  BOOST_TEST(names(check(fresh({acknowledged(8'500), sample(9), sample(-1)})), "never published"));
  BOOST_TEST(names(check(fresh({acknowledged(8'500), sample(9), sample(10)})), "never published"));
  BOOST_TEST(names(check(fresh({sample(9), acknowledged(8'500), sample(9)})), "before the acknowledgement"));
}

BOOST_AUTO_TEST_CASE(resumed_means_all_after_the_cursor_and_nothing_before_it) {
  const auto ack = acknowledged(7'500, true);
  BOOST_TEST(check(after(Since::cursor, 5, {ack, sample(6), sample(7), sample(8), sample(9)})).empty());
  // Replayed from rows: other stamps, the same samples.
  BOOST_TEST(check(after(Since::cursor, 5, {ack, sample(6, 4'000), sample(7), sample(8), sample(9)})).empty());
  BOOST_TEST(names(check(after(Since::cursor, 5, {ack, sample(7), sample(8), sample(9)})), "report 6"));
  BOOST_TEST(names(check(after(Since::cursor, 5, {ack, sample(5), sample(6), sample(7), sample(8), sample(9)})),
                   "report 5 had been seen before"));
  BOOST_TEST(names(check(after(Since::cursor, 5, {ack, sample(4), sample(6), sample(7), sample(8), sample(9)})),
                   "report 4 had been seen before"));
}

BOOST_AUTO_TEST_CASE(after_a_bare_time_rows_may_repeat_within_their_lag) {
  const auto ack = acknowledged(7'500, true);
  const ResumeRules rules{2'000, {}, 4'000};
  BOOST_TEST(check(after(Since::time, 5, {ack, sample(4), sample(6), sample(7), sample(8), sample(9)}), rules).empty());
  BOOST_TEST(names(check(after(Since::time, 5, {ack, sample(2), sample(6), sample(7), sample(8), sample(9)}), rules),
                   "long before the time"));
  BOOST_TEST(names(check(after(Since::time, 5, {ack, sample(7), sample(8), sample(9)}), rules), "report 6"));
}

BOOST_AUTO_TEST_CASE(the_acknowledgement_says_resumed_exactly_where_it_was_asked) {
  BOOST_TEST(names(check(after(Since::cursor, 9, {acknowledged(11'000)})), "`resumed`"));
  BOOST_TEST(names(check(fresh({acknowledged(11'000, false)})), "`resumed`"));
}

BOOST_AUTO_TEST_CASE(a_gap_excuses_what_it_names_and_no_more) {
  const auto ack = acknowledged(8'500, false);
  const auto rest = [&](const ReceivedItem& told) {
    return check(after(Since::cursor, 5, {ack, told, sample(7), sample(8), sample(9)}));
  };
  BOOST_TEST(rest(gap(6'000, 8'500, "resume", 8'500)).empty());  // from the cursor until now
  BOOST_TEST(rest(gap(6'500, 7'500, "resume", 8'500)).empty());  // only what is missing
  BOOST_TEST(names(rest(gap(7'500, 8'500, "resume", 8'500)), "report 6 of 7000 was never received"));
  BOOST_TEST(names(rest(gap(6'000, 6'900, "resume", 8'500)), "report 6 of 7000 was never received"));
  BOOST_TEST(names(check(after(Since::cursor, 5, {ack, sample(7), sample(8), sample(9)})), "report 6"));
}

BOOST_AUTO_TEST_CASE(a_gap_that_says_more_than_is_missing_is_found) {
  const auto with = [&](const ReceivedItem& told) {
    return check(after(Since::cursor, 5, {acknowledged(9'500, false), told, sample(7), sample(8), sample(9)}));
  };
  BOOST_TEST(names(with(gap(3'000, 9'500, "resume", 9'500)), "begins before the last sample"));
  BOOST_TEST(names(with(gap(6'000, 12'000, "resume", 9'500)), "future"));
  BOOST_TEST(names(with(gap(6'000, 8'400, "resume", 9'500)), "covers the sample after it"));
  BOOST_TEST(names(with(gap(7'500, 6'500, "resume", 9'500)), "ends before it begins"));
  BOOST_TEST(names(check(fresh({acknowledged(9'500), gap(6'000, 9'500, "resume", 9'500), sample(9)})), "answers no"));
  BOOST_TEST(names(check(fresh({acknowledged(7'500), sample(7), gap(7'000, 9'500, "conflated", 9'500), sample(9)})),
                   "begins before the last sample"));
}

BOOST_AUTO_TEST_CASE(a_gap_of_the_bus_belongs_to_an_outage) {
  const auto session = fresh({acknowledged(4'500), sample(4), gap(5'000, 8'500, "bus", 8'500), sample(8), sample(9)});
  BOOST_TEST(names(check(session), "not that of an outage"));
  ResumeRules rules = kRules;
  rules.outages = {{5'500, 8'000}};
  BOOST_TEST(check(session, rules).empty());
  rules.longest_pause = 100;
  BOOST_TEST(names(check(session, rules), "not that of an outage"));
}

BOOST_AUTO_TEST_CASE(a_gap_that_begins_at_a_row_begins_at_its_sample) {
  // Report 5 was last seen as its row, stamped 1.5 s after it; report 6 was published in between.
  ClientSession session =
      after(Since::cursor, 5,
            {acknowledged(8'500, false), gap(7'500, 8'500, "resume", 8'500), sample(7), sample(8), sample(9)});
  session.since_time += 1'500;
  BOOST_TEST(check(session).empty());
}

BOOST_AUTO_TEST_CASE(of_equal_reports_none_may_be_lost) {
  const auto reports = ten_reports();
  const auto plain = [](long long time) {
    ReceivedItem item;
    item.time = item.at = time;
    return item;
  };
  ClientSession first = fresh({acknowledged(2'500), plain(3'000), plain(4'000)}, false);
  ClientSession second = after(
      Since::cursor, -1,
      {acknowledged(7'500, true), plain(5'000), plain(6'000), plain(7'000), plain(8'000), plain(9'000), plain(10'000)});
  BOOST_TEST(check_constant_chain(reports, {first, second}, kRules).empty());
  second.received.pop_back();
  BOOST_TEST(names(check_constant_chain(reports, {first, second}, kRules), "7 samples were received, 8"));
  // With the latest sample instead of what was missed a gap must say so, and the latest counts for nothing.
  second =
      after(Since::cursor, -1, {acknowledged(7'500, false), plain(7'000), plain(8'000), plain(9'000), plain(10'000)});
  second.since_time = 4'000;
  BOOST_TEST(names(check_constant_chain(reports, {first, second}, kRules), "5 samples were received, 8"));
  second.received.insert(second.received.begin() + 1, gap(4'500, 7'500, "resume", 7'500));
  BOOST_TEST(check_constant_chain(reports, {first, second}, kRules).empty());
}

BOOST_AUTO_TEST_CASE(a_window_shows_the_newest_once_in_order) {
  BOOST_TEST(check_window({7, 8, 9}, 10, 3).empty());
  BOOST_TEST(check_window({0, 1}, 2, 3).empty());
  BOOST_TEST(names(check_window({7, 9}, 10, 3), "report 8 is no point"));
  BOOST_TEST(names(check_window({7, 8, 8, 9}, 10, 3), "more than one point"));
  BOOST_TEST(names(check_window({8, 7, 9}, 10, 3), "stands after"));
  BOOST_TEST(names(check_window({6, 7, 8, 9}, 10, 3), "more points"));
  BOOST_TEST(names(check_window({7, 8, 9, -1}, 10, 4), "of no report"));
}

BOOST_AUTO_TEST_SUITE_END()
