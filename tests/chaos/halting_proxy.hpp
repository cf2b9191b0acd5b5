// A TCP proxy on 127.0.0.1 that can be made to swallow: as behind a network that has failed, its connections stay
// open and no byte arrives any more, in either direction.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace pulsegate::test {

// Thread: any.
class HaltingProxy {
 public:
  explicit HaltingProxy(std::uint16_t target);
  ~HaltingProxy();
  HaltingProxy(const HaltingProxy&) = delete;
  HaltingProxy& operator=(const HaltingProxy&) = delete;

  std::uint16_t port() const { return port_; }
  // From now on every connection, and each new one, is dead for good: what was half open never heals.
  void swallow() { swallowing_ = true; }
  // New connections are served again.
  void heal() { swallowing_ = false; }

 private:
  void run();

  const std::uint16_t target_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> swallowing_{false}, ending_{false};
  std::thread thread_;
};

}  // namespace pulsegate::test
