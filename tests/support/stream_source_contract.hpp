// What every bus::StreamSource owes its users, as test cases. Define `ContractStreams`, a std::tuple of harness types,
// then include this file once: each case runs for each type. The fake and the real adapter pass the same cases.
//
// A harness is default-constructible and has: `source()`; `destroy_source()`; `append(device, added, timestamp, data)`,
// which adds an entry with that ID and those two fields; `clear(device)`, which deletes all entries and keeps the
// stream; `run_until(predicate)`, false at its deadline; `run_dry()`, which runs what is due; `go_away()`, after which
// no read succeeds; `max_payload()`. Devices are its own.
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "bus/stream_source.hpp"

namespace pulsegate::test::contract {

inline const proto::DeviceId kStreamDevice = *proto::DeviceId::parse("AAAAAAAA-2222-3333-4444-555555555555");
inline const proto::DeviceId kOtherDevice = *proto::DeviceId::parse("bbbbbbbb-2222-3333-4444-555555555555");
inline const proto::Timestamp kStreamBegin = *proto::parse_iso8601("2026-11-20T12:00:00Z");
inline constexpr char kOwnTime[] = "2026-11-20T11:59:59.500Z";

inline proto::Timestamp after(int millis) {
  return kStreamBegin + std::chrono::milliseconds(millis);
}

template <class Stream>
struct StreamCase {
  // Asks; the answer is put into answers[place].
  void ask(proto::Timestamp from, std::size_t limit, const proto::DeviceId& device = kStreamDevice) {
    const std::size_t place = answers.size();
    answers.emplace_back();
    inside_call = true;
    stream.source().read_from(device, from, limit, [this, place](bus::StreamAnswer answer) {
      BOOST_TEST(!inside_call);
      BOOST_TEST(order.size() == place);  // answers come in the order of the questions
      order.push_back(place);
      answers[place] = std::move(answer);
    });
    inside_call = false;
  }
  const bus::StreamAnswer& answer(std::size_t place) {
    BOOST_REQUIRE(stream.run_until([&] { return order.size() > place; }));
    return answers[place];
  }
  const bus::StreamAnswer& read(proto::Timestamp from, std::size_t limit,
                                const proto::DeviceId& device = kStreamDevice) {
    ask(from, limit, device);
    return answer(answers.size() - 1);
  }
  // The data of what a read that succeeds returns, as one text.
  std::string data(proto::Timestamp from, std::size_t limit) {
    const bus::StreamAnswer& got = read(from, limit);
    BOOST_REQUIRE_MESSAGE(got.ok, got.detail);
    std::string all;
    for (const bus::StreamEntry& entry : got.entries) all += entry.data + " ";
    return all + (got.more ? "…" : "");
  }
  void append(int millis, const std::string& text) { stream.append(kStreamDevice, after(millis), kOwnTime, text); }

  Stream stream;
  std::deque<bus::StreamAnswer> answers;  // references to them stay good
  std::vector<std::size_t> order;
  bool inside_call = false;
};

}  // namespace pulsegate::test::contract

BOOST_AUTO_TEST_SUITE(StreamSourceContract)

using namespace pulsegate::test::contract;

BOOST_AUTO_TEST_CASE_TEMPLATE(missing_stream_is_told_from_an_empty_one, Stream, ContractStreams) {
  StreamCase<Stream> c;
  const auto& missing = c.read(kStreamBegin, 10);
  BOOST_TEST(missing.ok);
  BOOST_TEST(!missing.exists);
  BOOST_TEST(missing.entries.empty());
  BOOST_TEST(!missing.more);
  c.append(0, "a");
  c.stream.clear(kStreamDevice);
  const auto& empty = c.read(kStreamBegin, 10);
  BOOST_TEST(empty.ok);
  BOOST_TEST(empty.exists);
  BOOST_TEST(empty.entries.empty());
  BOOST_TEST(c.stream.source().counters().reads == 2u);
  BOOST_TEST(c.stream.source().counters().missing == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(entries_come_oldest_first_with_their_times_and_data, Stream, ContractStreams) {
  StreamCase<Stream> c;
  c.stream.append(kStreamDevice, after(0), kOwnTime, R"({"cpu_usage":1})");
  c.stream.append(kStreamDevice, after(7), "yesterday", std::string("{\r\n\0\xff", 5));
  const auto& got = c.read(kStreamBegin, 10);
  BOOST_REQUIRE(got.ok);
  BOOST_TEST(got.exists);
  BOOST_TEST(got.detail.empty());
  BOOST_REQUIRE(got.entries.size() == 2u);
  BOOST_TEST((got.entries[0].time == *pulsegate::proto::parse_iso8601(kOwnTime)));
  BOOST_TEST((got.entries[0].added == after(0)));
  BOOST_TEST(got.entries[0].data == R"({"cpu_usage":1})");
  BOOST_TEST((got.entries[1].time == after(7)));  // its own time is not readable
  BOOST_TEST((got.entries[1].added == after(7)));
  BOOST_TEST(got.entries[1].data == std::string("{\r\n\0\xff", 5));
  BOOST_TEST(c.stream.source().counters().entries == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(from_is_inclusive_by_the_millisecond, Stream, ContractStreams) {
  StreamCase<Stream> c;
  for (const int millis : {1, 2, 3}) c.append(millis, std::to_string(millis));
  BOOST_TEST(c.data(after(1), 10) == "1 2 3 ");
  BOOST_TEST(c.data(after(2), 10) == "2 3 ");
  BOOST_TEST(c.data(after(2) + std::chrono::microseconds(999), 10) == "2 3 ");
  BOOST_TEST(c.data(after(4), 10) == "");
  BOOST_TEST(c.data(pulsegate::proto::Timestamp{}, 10) == "1 2 3 ");
  BOOST_TEST(c.data(pulsegate::proto::Timestamp::min(), 10) == "1 2 3 ");
  BOOST_TEST(c.data(pulsegate::proto::Timestamp::max(), 10) == "");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(limit_cuts_the_newest_and_says_so, Stream, ContractStreams) {
  StreamCase<Stream> c;
  for (const int millis : {1, 2, 3}) c.append(millis, std::to_string(millis));
  BOOST_TEST(c.data(kStreamBegin, 1) == "1 …");
  BOOST_TEST(c.data(kStreamBegin, 2) == "1 2 …");
  BOOST_TEST(c.data(kStreamBegin, 3) == "1 2 3 ");
  BOOST_TEST(c.data(after(3), 1) == "3 ");
  BOOST_TEST(c.data(kStreamBegin, 0) == "1 …");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_thousand_entries_come_at_once_and_no_more, Stream, ContractStreams) {
  StreamCase<Stream> c;
  for (int i = 0; i < 2'001; ++i) c.append(i, "x");
  const auto& got = c.read(kStreamBegin, 1'000'000);
  BOOST_REQUIRE_MESSAGE(got.ok, got.detail);
  BOOST_TEST(got.entries.size() == pulsegate::bus::kMaxStreamRead);
  BOOST_TEST(got.more);
  const auto& rest = c.read(after(1), pulsegate::bus::kMaxStreamRead);
  BOOST_TEST(rest.entries.size() == pulsegate::bus::kMaxStreamRead);
  BOOST_TEST(!rest.more);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(oversized_entries_are_left_out_and_counted, Stream, ContractStreams) {
  StreamCase<Stream> c;
  const std::size_t cap = c.stream.max_payload();
  c.append(1, "a");
  c.append(2, std::string(cap + 1, 'x'));
  c.append(3, std::string(cap, 'y'));
  const auto& got = c.read(kStreamBegin, 10);
  BOOST_REQUIRE_MESSAGE(got.ok, got.detail);
  BOOST_REQUIRE(got.entries.size() == 2u);
  BOOST_TEST(got.entries[0].data == "a");
  BOOST_TEST(got.entries[1].data.size() == cap);
  BOOST_TEST(!got.more);
  BOOST_TEST(c.stream.source().counters().oversized == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_reads_at_once_are_answered_each_with_its_own, Stream, ContractStreams) {
  StreamCase<Stream> c;
  c.append(1, "1");
  c.append(2, "2");
  c.stream.append(kOtherDevice, after(3), kOwnTime, "other");
  for (int i = 0; i < 100; ++i) {
    c.ask(after(i % 3), 10);
    c.ask(kStreamBegin, 10, kOtherDevice);
  }
  BOOST_REQUIRE(c.stream.run_until([&] { return c.order.size() == 200u; }));
  for (std::size_t i = 0; i < 100; ++i) {
    BOOST_REQUIRE(c.answers[2 * i].ok);
    BOOST_TEST(c.answers[2 * i].entries.size() == (i % 3 == 2 ? 1u : 2u));
    BOOST_REQUIRE(c.answers[2 * i + 1].entries.size() == 1u);
    BOOST_TEST(c.answers[2 * i + 1].entries[0].data == "other");
  }
  BOOST_TEST(c.stream.source().counters().reads == 200u);
  BOOST_TEST(c.stream.source().counters().in_flight == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_cannot_be_read_says_why, Stream, ContractStreams) {
  StreamCase<Stream> c;
  c.append(1, "1");
  BOOST_TEST(c.read(kStreamBegin, 10).ok);
  c.stream.go_away();
  const auto& got = c.read(kStreamBegin, 10);
  BOOST_TEST(!got.ok);
  BOOST_TEST(!got.detail.empty());
  BOOST_TEST(got.entries.empty());
  BOOST_TEST(c.stream.source().counters().reads == 2u);
  BOOST_TEST(c.stream.source().counters().failures == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_with_reads_in_flight_is_silent_and_final, Stream, ContractStreams) {
  for (const bool destroyed : {false, true}) {
    StreamCase<Stream> c;
    c.append(1, "1");
    c.read(kStreamBegin, 10);
    for (int i = 0; i < 50; ++i) c.ask(kStreamBegin, 10);
    BOOST_TEST(c.stream.source().counters().in_flight == 50u);
    if (destroyed) {
      c.stream.destroy_source();
    } else {
      c.stream.source().stop();
      c.stream.source().stop();
      BOOST_TEST(c.stream.source().counters().in_flight == 0u);
      c.ask(kStreamBegin, 10);
    }
    c.stream.run_dry();
    BOOST_TEST(c.order.size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(callbacks_may_read_stop_and_destroy, Stream, ContractStreams) {
  for (const bool destroyed : {false, true}) {
    StreamCase<Stream> c;
    c.append(1, "1");
    int answers = 0;
    auto& source = c.stream.source();
    source.read_from(kStreamDevice, kStreamBegin, 1, [&](const auto&) {
      ++answers;
      source.read_from(kStreamDevice, kStreamBegin, 1, [&](const auto&) {
        ++answers;
        destroyed ? c.stream.destroy_source() : source.stop();
      });
      source.read_from(kStreamDevice, kStreamBegin, 1, [&](const auto&) { ++answers; });
    });
    BOOST_REQUIRE(c.stream.run_until([&] { return answers == 2; }));
    c.stream.run_dry();
    BOOST_TEST(answers == 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()
