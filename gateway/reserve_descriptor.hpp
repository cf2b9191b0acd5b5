// A file descriptor that is kept for the moment when there is no other.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace pulsegate {

// Thread: one. Owner: an acceptor.
class ReserveDescriptor {
 public:
  ReserveDescriptor() noexcept { restock(); }
  ~ReserveDescriptor() { release(); }
  ReserveDescriptor(const ReserveDescriptor&) = delete;
  ReserveDescriptor& operator=(const ReserveDescriptor&) = delete;

  // Gives it back to the process, which can then accept one connection. False: it was used already.
  bool release() noexcept {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor >= 0 && ::close(descriptor) == 0;
  }
  // Takes one again, where there is one.
  void restock() noexcept {
    if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

 private:
  int descriptor_ = -1;
};

}  // namespace pulsegate
