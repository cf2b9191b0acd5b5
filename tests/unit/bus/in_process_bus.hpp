// A bus inside the process as a harness of the contract.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <string>

#include "bus/local_bus.hpp"
#include "tests/support/eventually.hpp"

namespace pulsegate::test {

class InProcessBus {
 public:
  static constexpr std::size_t kMaxPayload = 100'000;

  bus::Subscriber& subscriber() { return *subscriber_; }
  void destroy_subscriber() { subscriber_.reset(); }
  bool publish(const std::string& topic, const std::string& payload) { return bus_.publish(topic, payload) > 0; }
  void lose_connection() { bus_.interrupt("the test says so"); }
  std::size_t max_payload() const { return kMaxPayload; }

  template <class Predicate>
  bool run_until(Predicate&& predicate) {
    return eventually([&] {
      io_.restart();
      io_.poll_one();
      return predicate();
    });
  }

 private:
  asio::io_context io_;
  bus::LocalBus bus_;
  std::unique_ptr<bus::Subscriber> subscriber_ = bus_.make_subscriber(io_, kMaxPayload);
};

}  // namespace pulsegate::test
