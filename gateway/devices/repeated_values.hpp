// Which values a device sends again and again, so that they do not tell one sample from another.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "gateway/devices/cursor_match.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: value.
class RepeatedValues {
 public:
  // Each list by itself: a sample may stand in several. Two within a second are one report that came twice.
  //   time_of(item) -> proto::Timestamp
  //   digest_of(item) -> std::uint64_t, see proto::sample_digest()
  template <class List, class TimeOf, class DigestOf>
  void add(const List& list, const TimeOf& time_of, const DigestOf& digest_of) {
    std::unordered_map<std::uint64_t, proto::Timestamp> first;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const proto::Timestamp time = time_of(list[i]);
      const auto [at, is_new] = first.try_emplace(digest_of(list[i]), time);
      if (!is_new && distance(at->second, time) >= kSameReport) values_.insert(at->first);
    }
  }

  bool contains(std::uint64_t digest) const { return values_.count(digest) > 0; }

 private:
  std::unordered_set<std::uint64_t> values_;  // digests
};

}  // namespace pulsegate::devices
