// The entry point of every conformance test executable.
#define BOOST_TEST_MODULE pulsegate_conformance
#include <boost/test/unit_test.hpp>
