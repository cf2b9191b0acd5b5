// The contract of SnapshotSource, on the fake and on SingleFlight over the fake.
#include "tests/support/snapshot_source_contract.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "storage/single_flight.hpp"

using namespace pulsegate;

namespace {

const proto::DeviceId kDevice = *proto::DeviceId::parse("11111111-2222-3333-4444-555555555555");

storage::Snapshot rows(std::size_t count) {
  storage::Snapshot snapshot;
  snapshot.metrics.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    snapshot.metrics[i].recorded_at = proto::Timestamp(std::chrono::seconds(1000 + i));
  return snapshot;
}

void release(test::FakeSnapshotSource& fake) {
  while (fake.outstanding() > 0) fake.answer(rows(5));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SnapshotSourceContract)

BOOST_AUTO_TEST_CASE(the_fake_keeps_it) {
  test::check_snapshot_source_contract([](auto&& body) {
    test::FakeSnapshotSource fake;
    body(test::ContractSubject{fake, kDevice, [] {}, [&] { release(fake); }});
  });
}

BOOST_AUTO_TEST_CASE(single_flight_keeps_it) {
  test::check_snapshot_source_contract([](auto&& body) {
    auto owned = std::make_unique<test::FakeSnapshotSource>();
    test::FakeSnapshotSource& fake = *owned;
    storage::SingleFlight source(std::move(owned));
    body(test::ContractSubject{source, kDevice, [] {}, [&] { release(fake); }});
  });
}

BOOST_AUTO_TEST_SUITE_END()
