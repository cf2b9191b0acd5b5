// The hot path of the bus: reading a metrics event allocates nothing once the parser is warm.
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <new>

#include "proto/bus_event.hpp"
#include "proto/limits.hpp"

using namespace pulsegate::proto;

namespace {
thread_local std::size_t allocations = 0;
}

// Not inlined: the compiler would take free() for the wrong partner of a `new` expression that it still sees.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

BOOST_AUTO_TEST_SUITE(BusEventParserAllocations)

BOOST_AUTO_TEST_CASE(a_metrics_event_after_the_first_allocates_nothing) {
  constexpr std::string_view kEvent =
      R"({"deviceUuid":"u","metrics":{"cpu_usage":45.2,"memory_usage":"3435973836","hostname":"a rather long name of a host",)"
      R"("top_processes":[{"pid":1,"name":"init","command":"/sbin/init with a rather long command line"}]},)"
      R"("timestamp":"2026-11-22T14:05:00.123Z"})";
  BusEventParser parser(limits::kMaxBusPayload);
  BusEvent event;
  BOOST_TEST_REQUIRE((parser.parse(TopicKind::metrics, kEvent, event) == BusEventError::none));
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) parser.parse(TopicKind::metrics, kEvent, event);
  BOOST_TEST(allocations == before);
  BOOST_TEST(before > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
