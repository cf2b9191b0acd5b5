// What several nodes answered in vain, as one line of the log.
#pragma once

#include <cstddef>
#include <string>

namespace pulsegate::bus {

// Thread: one.
class FaultList {
 public:
  void clear() noexcept { text_.clear(); }
  // What would make the line too long is left out.
  void add(const std::string& fault) {
    if (text_.size() + fault.size() >= kMaxBytes) return;
    if (!text_.empty()) text_ += "; ";
    text_ += fault;
  }
  const std::string& text() const noexcept { return text_; }

 private:
  static constexpr std::size_t kMaxBytes = 600;
  std::string text_;
};

}  // namespace pulsegate::bus
