// See read_queue.hpp for the policy.
#include "storage/read_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pulsegate::storage {

bool ReadQueue::push(PendingRead& read, SteadyTime now) {
  // Those in front take the tokens first.
  read.throttled = bucket_.tokens(now) <= reads_.size();
  if (reads_.size() >= capacity_) return false;
  if (read.is_range()) {
    const auto ranges = std::count_if(reads_.begin(), reads_.end(), [](const PendingRead& r) { return r.is_range(); });
    if (static_cast<std::size_t>(ranges) >= (capacity_ + 1) / 2) return false;
  }
  if (read.throttled) ++waits_;
  read.deadline = now + lease_;
  reads_.push_back(std::move(read));
  return true;
}

void ReadQueue::give_back(PendingRead read, SteadyTime now) {
  if (read.retried) {
    read.deadline = now + lease_;
  } else {
    bucket_.put_back();
  }
  reads_.push_front(std::move(read));
}

std::optional<PendingRead> ReadQueue::pop(SteadyTime now, bool ranges) {
  const auto at = std::find_if(reads_.begin(), reads_.end(), [now, ranges](const PendingRead& read) {
    return now < read.deadline && (ranges || !read.is_range());
  });
  if (at == reads_.end() || !bucket_.take(now)) return std::nullopt;
  PendingRead read = std::move(*at);
  reads_.erase(at);
  return read;
}

std::vector<PendingRead> ReadQueue::take_expired(SteadyTime now) {
  const auto first = std::stable_partition(reads_.begin(), reads_.end(),
                                           [now](const PendingRead& read) { return now < read.deadline; });
  std::vector<PendingRead> expired(std::make_move_iterator(first), std::make_move_iterator(reads_.end()));
  reads_.erase(first, reads_.end());
  return expired;
}

std::vector<PendingRead> ReadQueue::take_all() {
  std::vector<PendingRead> all(std::make_move_iterator(reads_.begin()), std::make_move_iterator(reads_.end()));
  reads_.clear();
  return all;
}

}  // namespace pulsegate::storage
