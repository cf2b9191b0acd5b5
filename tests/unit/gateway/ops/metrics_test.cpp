// The metrics page: every counter reaches it, labels stay bounded, and README.md names the same metrics.
#include "gateway/ops/metrics.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "proto/channel.hpp"

using namespace pulsegate;
using namespace pulsegate::ops;

namespace {

// What a page says, by series ("name" or "name{label="value"}"), and the type of each metric.
struct Page {
  explicit Page(const GatewayReport& report) : Page(render_metrics(report, ProcessStats{1.5, 2, 3, 4, 5, 6, 7})) {}
  explicit Page(const std::string& text_of_page) : text(text_of_page) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string hash, word, name, type;
      if (line.compare(0, 7, "# TYPE ") == 0) {
        words >> hash >> word >> name >> type;
        BOOST_TEST(types.emplace(name, type).second, name << " twice");
      } else if (line.compare(0, 7, "# HELP ") == 0) {
        words >> hash >> word >> name >> std::ws;
        std::getline(words, helped[name]);
      } else {
        const auto blank = line.rfind(' ');
        BOOST_TEST(series.emplace(line.substr(0, blank), std::stod(line.substr(blank + 1))).second, line << " twice");
      }
    }
  }
  double operator[](const std::string& name) const {
    const auto found = series.find(name);
    BOOST_REQUIRE_MESSAGE(found != series.end(), "no series " << name);
    return found->second;
  }

  std::string text;
  std::map<std::string, double> series;
  std::map<std::string, std::string> types;
  std::map<std::string, std::string> helped;
};

struct Fixture {
  proto::ChannelTable channels{{"logs"}};
  GatewayReport report;

  Fixture() {
    report.shards.resize(2);
    for (ShardReport& shard : report.shards) shard.stream.emplace();
    report.channels = &channels;
    report.canary.ages = {0.5, 7};
    report.storage.emplace();
    report.storage->read_seconds_buckets.resize(std::size(storage::kReadSecondsBuckets));
  }
  ShardReport& one() { return report.shards[0]; }
  ShardReport& two() { return report.shards[1]; }
};

// Names, types and labels as the table in README.md gives them: | `name` | type | labels | … |
struct Documented {
  std::string type;
  std::set<std::string> labels;
};

// What stands between each pair of backticks.
std::vector<std::string> quoted_words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t open = text.find('`'); open != std::string::npos;) {
    const std::size_t close = text.find('`', open + 1);
    if (close == std::string::npos) break;
    words.push_back(text.substr(open + 1, close - open - 1));
    open = text.find('`', close + 1);
  }
  return words;
}

std::map<std::string, Documented> documented() {
  std::ifstream file(PULSEGATE_SOURCE_DIR "/gateway/ops/README.md");
  std::map<std::string, Documented> found;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
    if (cells.size() != 6 || quoted_words(cells[1]).size() != 1)
      continue;  // the first cell stands before the first bar
    Documented& entry = found[quoted_words(cells[1])[0]];
    std::istringstream(cells[2]) >> entry.type;
    for (const std::string& label : quoted_words(cells[3])) entry.labels.insert(label);
    BOOST_TEST(cells[4].size() > 5u, line);
    BOOST_TEST(cells[5].size() > 5u, line);
  }
  return found;
}

// The names of a series' labels: `a="x",b="y"` has a and b.
std::vector<std::string> label_names(const std::string& series) {
  std::vector<std::string> names;
  for (std::size_t at = series.find("=\""); at != std::string::npos; at = series.find("=\"", at + 1)) {
    const std::size_t start = series.find_last_of("{,", at) + 1;
    names.push_back(series.substr(start, at - start));
  }
  return names;
}

// The labels of each metric of the page.
std::map<std::string, std::set<std::string>> labels_of(const Page& page) {
  std::map<std::string, std::set<std::string>> labels;
  for (const auto& [series, value] : page.series) {
    std::string name = series.substr(0, series.find('{'));
    for (const std::string suffix : {"_bucket", "_sum", "_count"})
      if (page.types.count(name) == 0 && name.size() > suffix.size()) {
        const std::string base = name.substr(0, name.size() - suffix.size());
        if (page.types.count(base) == 1) name = base;
      }
    labels[name];
    for (const std::string& label : label_names(series))
      if (label != "le") labels[name].insert(label);
  }
  return labels;
}

// What is to be written in README.md; only the last cell is for whoever adds the metric to know.
std::string row(const std::string& name, const std::string& type, const std::set<std::string>& labels,
                const std::string& help) {
  std::string text = "| `" + name + "` | " + type + " | ";
  for (auto label = labels.begin(); label != labels.end(); ++label)
    text += (label == labels.begin() ? "`" : ", `") + *label + "`";
  return text + (labels.empty() ? "| " : " | ") + help + " | (what to do when it moves) |";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(Metrics, Fixture)

BOOST_AUTO_TEST_CASE(the_readme_and_the_code_name_the_same_metrics) {
  const Page page(report);
  const auto table = documented();
  auto labels = labels_of(page);
  BOOST_TEST(!table.empty());
  for (const auto& [name, type] : page.types) {
    const auto found = table.find(name);
    const bool sound = found != table.end() && found->second.type == type && found->second.labels == labels[name];
    const auto help = page.helped.find(name);
    BOOST_TEST(sound, name << (found == table.end() ? " is missing" : " has another type or other labels")
                           << " in the table of gateway/ops/README.md; its row:\n"
                           << row(name, type, labels[name], help == page.helped.end() ? "" : help->second));
  }
  for (const auto& [name, entry] : table)
    BOOST_TEST(page.types.count(name) == 1u, name << " is no metric: take its row out of gateway/ops/README.md");
}

BOOST_AUTO_TEST_CASE(a_row_is_written_as_the_table_has_them) {
  BOOST_TEST(row("pulsegate_a", "gauge", {}, "Help.") ==
             "| `pulsegate_a` | gauge | | Help. | (what to do when it moves) |");
  BOOST_TEST(row("pulsegate_b", "counter", {"file", "outcome"}, "Help.") ==
             "| `pulsegate_b` | counter | `file`, `outcome` | Help. | (what to do when it moves) |");
}

BOOST_AUTO_TEST_CASE(every_metric_has_help_a_unit_and_a_prefix) {
  const Page page(report);
  for (const auto& [name, type] : page.types) {
    BOOST_TEST(page.helped.count(name) == 1u, name);
    BOOST_TEST((name.compare(0, 10, "pulsegate_") == 0 || name.compare(0, 8, "process_") == 0), name);
    const bool total = name.size() > 6 && name.compare(name.size() - 6, 6, "_total") == 0;
    BOOST_TEST((type == "counter") == total, name);
  }
}

BOOST_AUTO_TEST_CASE(counters_of_shards_are_summed) {
  one().endpoint.opened = 3;
  two().endpoint.opened = 4;
  one().bus.messages = 10;
  two().bus.messages = 1;
  one().hub.gaps = 5;
  const Page page(report);
  BOOST_TEST(page["pulsegate_connections_opened_total"] == 7);
  BOOST_TEST(page["pulsegate_bus_messages_total"] == 11);
  BOOST_TEST(page["pulsegate_gaps_total"] == 5);
}

BOOST_AUTO_TEST_CASE(connections_and_the_bus_are_told_by_shard) {
  one().endpoint.connections = 3;
  two().endpoint.connections = 4;
  two().bus_up = true;
  const Page page(report);
  BOOST_TEST(page["pulsegate_connections{shard=\"0\"}"] == 3);
  BOOST_TEST(page["pulsegate_connections{shard=\"1\"}"] == 4);
  BOOST_TEST(page["pulsegate_bus_up{shard=\"0\"}"] == 0);
  BOOST_TEST(page["pulsegate_bus_up{shard=\"1\"}"] == 1);
}

BOOST_AUTO_TEST_CASE(channels_have_their_names_and_only_those_that_exist) {
  one().hub.messages[0] = 1;
  two().hub.messages[5] = 2;
  one().hub.subscriptions[3] = 6;
  one().hub.broadcasts = 9;
  const Page page(report);
  BOOST_TEST(page["pulsegate_deliveries_total{channel=\"metrics\"}"] == 1);
  BOOST_TEST(page["pulsegate_deliveries_total{channel=\"logs\"}"] == 2);
  BOOST_TEST(page["pulsegate_deliveries_total{channel=\"broadcast\"}"] == 9);
  BOOST_TEST(page["pulsegate_subscriptions{channel=\"history\"}"] == 6);
  std::size_t count = 0;
  for (const auto& [series, value] : page.series) count += series.find("pulsegate_subscriptions{") == 0 ? 1 : 0;
  BOOST_TEST(count == 6u);
}

BOOST_AUTO_TEST_CASE(resumes_are_told_by_outcome) {
  const auto at = [](ResumeOutcome outcome) { return static_cast<std::size_t>(outcome); };
  one().hub.resumes[at(ResumeOutcome::memory)] = 7;
  two().hub.resumes[at(ResumeOutcome::memory)] = 1;
  one().hub.resumes[at(ResumeOutcome::stream)] = 2;
  one().hub.resumes[at(ResumeOutcome::rows)] = 3;
  two().hub.resumes[at(ResumeOutcome::gap)] = 4;
  two().hub.resumes[at(ResumeOutcome::repaired)] = 5;
  two().hub.resumes[at(ResumeOutcome::unrepaired)] = 6;
  const Page page(report);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"memory\"}"] == 8);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"stream\"}"] == 2);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"rows\"}"] == 3);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"gap\"}"] == 4);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"repaired\"}"] == 5);
  BOOST_TEST(page["pulsegate_resumes_total{outcome=\"unrepaired\"}"] == 6);
}

BOOST_AUTO_TEST_CASE(what_is_remembered_replayed_and_looked_up_is_summed) {
  one().hub.replayed = 10;
  two().hub.replayed = 1;
  one().hub.past_reads = 20;
  two().hub.past_reads = 2;
  one().hub.tail_checks = 3;
  two().hub.silent_losses = 4;
  one().hub.remembered_bytes = 1'000;
  two().hub.remembered_bytes = 500;
  const Page page(report);
  BOOST_TEST(page["pulsegate_replayed_samples_total"] == 11);
  BOOST_TEST(page["pulsegate_past_reads_total"] == 22);
  BOOST_TEST(page["pulsegate_tail_checks_total"] == 3);
  BOOST_TEST(page["pulsegate_silent_losses_total"] == 4);
  BOOST_TEST(page["pulsegate_remembered_bytes"] == 1'500);
}

BOOST_AUTO_TEST_CASE(reads_of_streams_are_told_by_outcome) {
  one().stream->reads = 10;
  one().stream->failures = 3;
  one().stream->entries = 70;
  one().stream->in_flight = 2;
  two().stream->reads = 5;
  two().stream->missing = 4;
  const Page page(report);
  BOOST_TEST(page["pulsegate_stream_reads_total{outcome=\"read\"}"] == 8);
  BOOST_TEST(page["pulsegate_stream_reads_total{outcome=\"no-stream\"}"] == 4);
  BOOST_TEST(page["pulsegate_stream_reads_total{outcome=\"failed\"}"] == 3);
  BOOST_TEST(page["pulsegate_stream_entries_total"] == 70);
  BOOST_TEST(page["pulsegate_stream_reads_in_flight"] == 2);
}

BOOST_AUTO_TEST_CASE(without_streams_there_is_nothing_about_them) {
  for (ShardReport& shard : report.shards) shard.stream.reset();
  BOOST_TEST(Page(report).text.find("pulsegate_stream") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(refusals_have_a_reason) {
  report.refused_full = 2;
  one().endpoint.refused = {{404, 3}, {418, 4}};
  two().endpoint.refused = {{404, 1}, {500, 1}};
  const Page page(report);
  BOOST_TEST(page["pulsegate_connections_refused_total{reason=\"full\"}"] == 2);
  BOOST_TEST(page["pulsegate_connections_refused_total{reason=\"not-found\"}"] == 4);
  BOOST_TEST(page["pulsegate_connections_refused_total{reason=\"other\"}"] == 5);
  BOOST_TEST(page["pulsegate_connections_refused_total{reason=\"unavailable\"}"] == 0);
}

BOOST_AUTO_TEST_CASE(limits_are_told_by_which_and_drops_by_reason) {
  using pulsegate::access::Limit;
  report.limits.limited[static_cast<std::size_t>(Limit::address)] = 1;
  report.limits.limited[static_cast<std::size_t>(Limit::address_rate)] = 2;
  report.limits.limited[static_cast<std::size_t>(Limit::failures)] = 3;
  report.limits.limited[static_cast<std::size_t>(Limit::subject)] = 4;
  report.limits.addresses = 5;
  report.limits.subjects = 6;
  report.dropped_full = 7;
  report.dropped_limited = 8;
  report.listener.accepted = 9;
  report.listener.without_descriptor = 10;
  report.listener.proxy_failures = 11;
  report.listener.steer_failures = 12;
  report.listener.rate_pauses = 13;
  one().endpoint.backlog_closed = 14;
  one().endpoint.refused = {{429, 15}};
  const Page page(report);
  BOOST_TEST(page["pulsegate_limited_total{limit=\"address\"}"] == 1);
  BOOST_TEST(page["pulsegate_limited_total{limit=\"address-rate\"}"] == 2);
  BOOST_TEST(page["pulsegate_limited_total{limit=\"failures\"}"] == 3);
  BOOST_TEST(page["pulsegate_limited_total{limit=\"subject\"}"] == 4);
  BOOST_TEST(page["pulsegate_client_addresses"] == 5);
  BOOST_TEST(page["pulsegate_client_subjects"] == 6);
  BOOST_TEST(page["pulsegate_sockets_dropped_total{reason=\"full\"}"] == 7);
  BOOST_TEST(page["pulsegate_sockets_dropped_total{reason=\"limited\"}"] == 8);
  BOOST_TEST(page["pulsegate_sockets_accepted_total"] == 9);
  BOOST_TEST(page["pulsegate_sockets_dropped_total{reason=\"descriptors\"}"] == 10);
  BOOST_TEST(page["pulsegate_sockets_dropped_total{reason=\"proxy-header\"}"] == 11);
  BOOST_TEST(page["pulsegate_sockets_dropped_total{reason=\"request-line\"}"] == 12);
  BOOST_TEST(page["pulsegate_accept_pauses_total"] == 13);
  BOOST_TEST(page["pulsegate_backlog_closed_total"] == 14);
  BOOST_TEST(page["pulsegate_connections_refused_total{reason=\"too-many-requests\"}"] == 15);
}

BOOST_AUTO_TEST_CASE(memory_is_told_with_its_limit) {
  report.memory = {1'000, 900, true};
  const Page page(report);
  BOOST_TEST(page["pulsegate_memory_limit_bytes"] == 1'000);
  BOOST_TEST(page["pulsegate_memory_used_bytes"] == 900);
  BOOST_TEST(page["pulsegate_memory_high"] == 1);
}

BOOST_AUTO_TEST_CASE(plain_requests_are_told_by_route_and_status) {
  one().endpoint.answering = 2;
  one().endpoint.snapshots = {{200, 3}, {0, 1}};
  two().endpoint.snapshots = {{200, 4}};
  two().endpoint.histories = {{503, 5}};
  one().endpoint.pages = {{200, 6}, {304, 1}};
  two().endpoint.pages = {{304, 1}};
  const Page page(report);
  BOOST_TEST(page["pulsegate_http_pending"] == 2);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"snapshot\",status=\"200\"}"] == 7);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"snapshot\",status=\"none\"}"] == 1);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"history\",status=\"503\"}"] == 5);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"history\",status=\"504\"}"] == 0);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"page\",status=\"200\"}"] == 6);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"page\",status=\"304\"}"] == 2);
  BOOST_TEST(page["pulsegate_http_requests_total{route=\"page\",status=\"404\"}"] == 0);
}

BOOST_AUTO_TEST_CASE(codes_that_peers_make_up_do_not_become_labels) {
  const std::size_t usual = Page(report).series.size();
  for (std::uint16_t code = 3000; code < 4000; ++code) one().endpoint.closed[code] = 1;
  one().endpoint.closed[1000] = 5;
  one().endpoint.closed[1006] = 6;
  one().endpoint.closed[4508] = 7;
  const Page page(report);
  BOOST_TEST(page["pulsegate_disconnects_total{code=\"normal\"}"] == 5);
  BOOST_TEST(page["pulsegate_disconnects_total{code=\"abnormal\"}"] == 6);
  BOOST_TEST(page["pulsegate_disconnects_total{code=\"slow-consumer\"}"] == 7);
  BOOST_TEST(page["pulsegate_disconnects_total{code=\"other\"}"] == 1000);
  BOOST_TEST(page.series.size() == usual);
}

BOOST_AUTO_TEST_CASE(histograms_are_cumulative) {
  one().hub.event_age.observe(0.0005);
  one().hub.event_age.observe(0.02);
  two().hub.event_age.observe(100);
  one().endpoint.fanout.observe(0.00008, 3);
  two().endpoint.fanout.observe(0.3);
  two().endpoint.fanout.observe(7);
  report.storage->read_seconds_buckets[2] = 1;
  for (std::size_t i = 3; i < report.storage->read_seconds_buckets.size(); ++i)
    report.storage->read_seconds_buckets[i] = 2;
  report.storage->read_seconds_count = 3;
  report.storage->read_seconds_sum = 20.5;
  const Page page(report);
  BOOST_TEST(page["pulsegate_event_age_seconds_bucket{le=\"0.001\"}"] == 1);
  BOOST_TEST(page["pulsegate_event_age_seconds_bucket{le=\"0.025\"}"] == 2);
  BOOST_TEST(page["pulsegate_event_age_seconds_bucket{le=\"30\"}"] == 2);
  BOOST_TEST(page["pulsegate_event_age_seconds_bucket{le=\"+Inf\"}"] == 3);
  BOOST_TEST(page["pulsegate_event_age_seconds_count"] == 3);
  BOOST_TEST(page["pulsegate_fanout_duration_seconds_bucket{le=\"5e-05\"}"] == 0);
  BOOST_TEST(page["pulsegate_fanout_duration_seconds_bucket{le=\"0.0001\"}"] == 3);
  BOOST_TEST(page["pulsegate_fanout_duration_seconds_bucket{le=\"5\"}"] == 4);
  BOOST_TEST(page["pulsegate_fanout_duration_seconds_count"] == 5);
  BOOST_TEST(page["pulsegate_database_read_seconds_bucket{le=\"0.001\"}"] == 0);
  BOOST_TEST(page["pulsegate_database_read_seconds_bucket{le=\"0.0025\"}"] == 1);
  BOOST_TEST(page["pulsegate_database_read_seconds_bucket{le=\"10\"}"] == 2);
  BOOST_TEST(page["pulsegate_database_read_seconds_bucket{le=\"+Inf\"}"] == 3);
  BOOST_TEST(page["pulsegate_database_read_seconds_sum"] == 20.5);
}

BOOST_AUTO_TEST_CASE(without_a_database_there_are_no_metrics_of_it) {
  report.storage.reset();
  BOOST_TEST(Page(report).text.find("pulsegate_database_") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_empty_report_is_a_valid_page) {
  const Page page{GatewayReport{}};
  BOOST_TEST(page["pulsegate_ready"] == 0);
  BOOST_TEST(page["pulsegate_connections_opened_total"] == 0);
}

BOOST_AUTO_TEST_CASE(the_process_is_measured) {
  const Page page(report);
  BOOST_TEST(page["process_cpu_seconds_total"] == 1.5);
  BOOST_TEST(page["process_max_fds"] == 7);
  const ProcessStats stats = read_process_stats();
  BOOST_TEST(stats.resident_bytes > 1'000'000u);
  BOOST_TEST(stats.virtual_bytes >= stats.resident_bytes);
  BOOST_TEST(stats.threads >= 1u);
  BOOST_TEST(stats.open_fds >= 3u);
  BOOST_TEST(stats.max_fds >= stats.open_fds);
  BOOST_TEST(stats.start_time_seconds > 1.5e9);
}

BOOST_AUTO_TEST_SUITE_END()
