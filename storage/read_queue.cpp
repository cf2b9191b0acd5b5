// See read_queue.hpp for the policy.
#include "storage/read_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pulsegate::storage {

bool ReadQueue::push(PendingRead& read, SteadyTime now) {
  if (reads_.size() >= capacity_) return false;
  read.deadline = now + lease_;
  reads_.push_back(std::move(read));
  return true;
}

void ReadQueue::give_back(PendingRead read, SteadyTime now) {
  if (read.retried) read.deadline = now + lease_;
  reads_.push_front(std::move(read));
}

std::optional<PendingRead> ReadQueue::pop(SteadyTime now) {
  const auto at = std::find_if(reads_.begin(), reads_.end(), [now](const PendingRead& r) { return now < r.deadline; });
  if (at == reads_.end()) return std::nullopt;
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
