// A bus inside the process: what is published to it reaches the subscribers that were made from it, with nothing in
// between. For a gateway that shows a recording without a Redis.
#pragma once

#include <asio/io_context.hpp>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bus/subscriber.hpp"

namespace pulsegate::bus {

// Thread: any. Owner: whoever made it; it outlives the subscribers that it has made, not necessarily the calls of
// others.
// 1. Each subscriber gets the events of its topics in the order of publish(), on its own thread.
// 2. At most kMaxWaiting events wait for a subscriber: then publish() waits for it. Nothing is lost.
class LocalBus {
 public:
  static constexpr std::size_t kMaxWaiting = 4'096;

  LocalBus();
  ~LocalBus();
  LocalBus(const LocalBus&) = delete;
  LocalBus& operator=(const LocalBus&) = delete;

  // Events larger than `max_payload` bytes are dropped and counted, as by Redis' adapter.
  std::unique_ptr<Subscriber> make_subscriber(asio::io_context& io, std::size_t max_payload);

  // How many subscribers it is for. Not from the thread of one of them.
  std::size_t publish(std::string_view topic, std::string_view payload);
  // As if the connection were lost and made anew: for every subscriber on_bus_down(), and what is waiting is lost.
  void interrupt(const std::string& reason);
  // Waits until every subscriber has its topics again after an interrupt(), or stop(). Not from the thread of one.
  void wait_until_whole();
  // Ends every publish() that waits, and makes later ones return at once. Idempotent.
  void stop();
  // Waits until a subscriber has topics, and all that it wants, or stop(). False: stop().
  bool wait_for_interest();

 private:
  friend class LocalSubscriber;
  class Core;                   // shared with the subscribers
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
