// Deadlines of many devices in one indexed heap: one entry a device however often its deadline moves.
// The shard arms a single Asio timer for the earliest one.
#pragma once

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "gateway/clock.hpp"

namespace pulsegate::devices {

inline constexpr SteadyTime kNever = SteadyTime::max();

class Device;

struct TimerNode {
  static constexpr std::size_t kOutside = std::numeric_limits<std::size_t>::max();
  Device* device = nullptr;
  SteadyTime due = kNever;
  std::size_t heap_position = kOutside;
};

// Holds plain pointers: a node must be removed before it dies. Thread: one shard.
class TimerHeap {
 public:
  bool empty() const noexcept { return nodes_.empty(); }
  SteadyTime next() const noexcept { return nodes_.empty() ? kNever : nodes_.front()->due; }

  // Sets or moves the deadline; kNever removes the node.
  void set(TimerNode& node, SteadyTime due) {
    if (due == kNever) return remove(node);
    node.due = due;
    if (node.heap_position == TimerNode::kOutside) {
      node.heap_position = nodes_.size();
      nodes_.push_back(&node);
      sift_up(node.heap_position);
    } else {
      sift_down(sift_up(node.heap_position));
    }
  }

  void remove(TimerNode& node) {
    const std::size_t hole = node.heap_position;
    node.due = kNever;
    if (hole == TimerNode::kOutside) return;
    node.heap_position = TimerNode::kOutside;
    TimerNode* last = nodes_.back();
    nodes_.pop_back();
    if (last == &node) return;
    place(hole, last);
    sift_down(sift_up(hole));
  }

  // Takes one node whose deadline has come; nullptr when there is none.
  TimerNode* pop_due(SteadyTime now) {
    if (nodes_.empty() || nodes_.front()->due > now) return nullptr;
    TimerNode* node = nodes_.front();
    remove(*node);
    return node;
  }

 private:
  void place(std::size_t position, TimerNode* node) noexcept {
    nodes_[position] = node;
    node->heap_position = position;
  }

  std::size_t sift_up(std::size_t position) noexcept {
    TimerNode* node = nodes_[position];
    while (position > 0) {
      const std::size_t parent = (position - 1) / 2;
      if (nodes_[parent]->due <= node->due) break;
      place(position, nodes_[parent]);
      position = parent;
    }
    place(position, node);
    return position;
  }

  void sift_down(std::size_t position) noexcept {
    TimerNode* node = nodes_[position];
    for (;;) {
      std::size_t child = 2 * position + 1;
      if (child >= nodes_.size()) break;
      if (child + 1 < nodes_.size() && nodes_[child + 1]->due < nodes_[child]->due) ++child;
      if (node->due <= nodes_[child]->due) break;
      place(position, nodes_[child]);
      position = child;
    }
    place(position, node);
  }

  std::vector<TimerNode*> nodes_;
};

}  // namespace pulsegate::devices
