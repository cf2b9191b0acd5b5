// The entry point of every integration test executable.
#define BOOST_TEST_MODULE pulsegate_integration
#include <boost/test/unit_test.hpp>
