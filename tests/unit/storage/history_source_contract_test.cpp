// The contract of HistorySource, on the fake.
#include "tests/support/history_source_contract.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/fake_history_source.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

const proto::DeviceId kSmall = *proto::DeviceId::parse("11111111-2222-3333-4444-555555555555");
const proto::DeviceId kLarge = *proto::DeviceId::parse("66666666-2222-3333-4444-555555555555");
const proto::DeviceId kUnknown = *proto::DeviceId::parse("99999999-2222-3333-4444-555555555555");

storage::MetricsRow row(std::size_t i, bool large) {
  storage::MetricsRow out;
  out.recorded_at = history_time(i);
  const auto set = [&](proto::Metric metric, double value) { out.values[metric] = {value, true, -1}; };
  set(proto::Metric::cpu_usage, large && i == kSpikeRow ? 9999 : static_cast<double>(i % 100));
  set(proto::Metric::memory_usage, static_cast<double>(1000 + i));
  set(proto::Metric::memory_total, 8'589'934'592.0);
  if (!large || i >= kRowsWithoutNetwork) set(proto::Metric::network_rx, static_cast<double>(i % 7));
  set(proto::Metric::network_tx, large && i == kDipRow ? -3 : 5);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistorySourceContract)

BOOST_AUTO_TEST_CASE(the_fake_keeps_it) {
  FakeHistorySource fake;
  for (std::size_t i = 0; i < kSmallRows; ++i) fake.rows(kSmall).push_back(row(i, false));
  for (std::size_t i = 0; i < kLargeRows; ++i) fake.rows(kLarge).push_back(row(i, true));
  check_history_source_contract({fake, kSmall, kLarge, kUnknown, [&] { fake.hold(); }, [&] { fake.stop(); }});
}

BOOST_AUTO_TEST_SUITE_END()
