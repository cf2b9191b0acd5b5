// The entry point of the chaos tests: the table is printed when all cases have ended.
#define BOOST_TEST_MODULE pulsegate_chaos
#include <boost/test/unit_test.hpp>

#include "results_table.hpp"
#include "tests/bench/load/socket.hpp"

namespace {

struct Run {
  Run() { pulsegate::bench::raise_descriptor_limit(4096); }  // a client is a descriptor
  ~Run() { pulsegate::test::ResultsTable::of_this_run().print(); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(Run);
