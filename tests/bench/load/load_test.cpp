// The generator is what says that nothing was lost, so what it says is tested: frames in pieces, sequences with every
// fault, percentiles, and events that the gateway's own parser accepts.
#define BOOST_TEST_MODULE bench_load
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include "proto/bus_event.hpp"
#include "tests/bench/load/event.hpp"
#include "tests/bench/load/frame_scanner.hpp"
#include "tests/bench/load/head_inflater.hpp"
#include "tests/bench/load/latency.hpp"
#include "tests/bench/load/sequence.hpp"

namespace {

using namespace pulsegate::bench;

std::string frame(std::size_t size, char fill) {
  std::string bytes = "\x81";
  if (size < 126) {
    bytes += static_cast<char>(size);
  } else if (size < 65536) {
    bytes += {126, static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
  } else {
    bytes += {127, 0, 0, 0, 0, 0, static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
  }
  return bytes + std::string(size, fill);
}

SequenceCounts counts_of(const std::vector<std::uint64_t>& sequences, bool joins_late = false, std::uint64_t end = 0) {
  SequenceCheck check;
  SequenceCounts counts;
  check.start(100, joins_late);
  for (const std::uint64_t sequence : sequences) check.take(sequence, counts);
  if (end != 0) check.finish(end, counts);
  return counts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_scanner)

BOOST_AUTO_TEST_CASE(finds_every_frame_whatever_the_pieces) {
  std::string stream;
  std::vector<std::pair<std::uint64_t, char>> wanted;
  char fill = 'a';
  for (const std::size_t size : {0, 1, 124, 125, 126, 127, 1260, 65535, 65536}) {
    stream += frame(size, fill);
    wanted.emplace_back(size, size > 0 ? fill : '-');
    ++fill;
  }
  for (const std::size_t piece : {1, 2, 3, 7, 64, 131, 4096, 1'000'000}) {
    FrameScanner scanner;
    std::vector<std::pair<std::uint64_t, char>> found;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      scanner.feed(stream.data() + at, std::min(piece, stream.size() - at),
                   [&](unsigned opcode, std::string_view head, std::uint64_t size) {
                     BOOST_TEST(opcode == 1);
                     BOOST_TEST(head.size() == std::min<std::uint64_t>(size, FrameScanner::kHead));
                     found.emplace_back(size, head.empty() ? '-' : head.back());
                   });
    }
    BOOST_TEST((found == wanted), "in pieces of " << piece);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(sequence_check)

BOOST_AUTO_TEST_CASE(in_order_is_faultless) {
  const SequenceCounts counts = counts_of({100, 101, 102}, false, 103);
  BOOST_TEST(counts.deliveries == 3);
  BOOST_TEST(counts.missing + counts.duplicates + counts.reordered + counts.stale == 0);
}

BOOST_AUTO_TEST_CASE(counts_what_is_missing_at_the_beginning_in_the_middle_and_at_the_end) {
  BOOST_TEST(counts_of({102}).missing == 2);
  BOOST_TEST(counts_of({100, 103}).missing == 2);
  BOOST_TEST(counts_of({100}, false, 103).missing == 2);
  BOOST_TEST(counts_of({}, false, 103).missing == 3);
}

BOOST_AUTO_TEST_CASE(a_late_event_is_reordered_and_not_missing) {
  const SequenceCounts counts = counts_of({100, 102, 101, 103}, false, 104);
  BOOST_TEST(counts.reordered == 1);
  BOOST_TEST(counts.missing == 0);
  BOOST_TEST(counts.duplicates == 0);
}

BOOST_AUTO_TEST_CASE(a_repetition_is_a_duplicate) {
  BOOST_TEST(counts_of({100, 100}).duplicates == 1);
  BOOST_TEST(counts_of({100, 101, 100}).duplicates == 1);
}

BOOST_AUTO_TEST_CASE(events_of_an_earlier_run_do_not_count) {
  const SequenceCounts counts = counts_of({7, 100, 101}, false, 102);
  BOOST_TEST(counts.stale == 1);
  BOOST_TEST(counts.deliveries == 2);
  BOOST_TEST(counts.missing == 0);
}

BOOST_AUTO_TEST_CASE(who_joins_late_misses_only_what_comes_after) {
  BOOST_TEST(counts_of({150, 151}, true, 152).missing == 0);
  BOOST_TEST(counts_of({150, 152}, true, 153).missing == 1);
}

BOOST_AUTO_TEST_SUITE_END()

// RFC 7692, section 7.2.3.1.
BOOST_AUTO_TEST_CASE(the_beginning_of_a_compressed_message_is_read_each_time) {
  using namespace std::string_literals;
  HeadInflater heads;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(heads.head("\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");
    BOOST_TEST(heads.head("\xf2\x48\xcd\xc9"s) == "Hel");
    BOOST_TEST(heads.head("\xff\xff\xff"s) == "");
  }
}

BOOST_AUTO_TEST_CASE(percentiles_are_exact_to_two_per_cent) {
  LatencyHistogram histogram;
  for (std::uint64_t us = 1; us <= 100'000; ++us) histogram.record(us);
  BOOST_TEST(static_cast<double>(histogram.percentile(0.5)) == 50'000.0, boost::test_tools::tolerance(0.02));
  BOOST_TEST(static_cast<double>(histogram.percentile(0.99)) == 99'000.0, boost::test_tools::tolerance(0.02));
  BOOST_TEST(histogram.max() == 100'000);
}

BOOST_AUTO_TEST_CASE(events_have_the_layout_that_the_floors_rely_on) {
  EventWriter writer(PublishForm::payload);
  const std::string payload(writer.render(0xabc, 42, 4711));
  BOOST_TEST(payload.size() > 1100);
  BOOST_TEST(payload.size() < 1300);
  pulsegate::proto::BusEventParser parser(256 * 1024);
  pulsegate::proto::BusEvent event;
  BOOST_TEST(
      (parser.parse(pulsegate::proto::TopicKind::metrics, payload, event) == pulsegate::proto::BusEventError::none));
  BOOST_TEST(event.timestamp.has_value());
  BOOST_TEST(!event.top_processes.empty());
  BOOST_TEST(!event.network_interfaces.empty());
  BOOST_TEST(event.object == std::string_view(payload).substr(kMetricsAt, payload.size() - kMetricsAt - kAfterMetrics));
  const std::string message = std::string(kMessageHead) + std::string(event.object);
  BOOST_TEST(message.substr(0, kEventHead.size()) == kEventHead);
  BOOST_TEST(message.substr(kEventHead.size(), kSequenceDigits) == "1000000042");
  BOOST_TEST(payload.substr(kEnvelopeHead.size(), kUuidSize) == device_uuid(0xabc));
}
