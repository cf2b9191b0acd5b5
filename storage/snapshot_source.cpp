// The words that logs and metric labels use for the enumerations of the contract, and what all sources share.
#include "storage/snapshot_source.hpp"

#include <cstddef>
#include <utility>

namespace pulsegate::storage {

std::string_view name(SnapshotError error) noexcept {
  switch (error) {
    case SnapshotError::none:
      return "none";
    case SnapshotError::overloaded:
      return "overloaded";
    case SnapshotError::unavailable:
      return "unavailable";
    case SnapshotError::timed_out:
      return "timed-out";
    case SnapshotError::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view name(ReadReason reason) noexcept {
  switch (reason) {
    case ReadReason::first:
      return "first";
    case ReadReason::retry:
      return "retry";
    case ReadReason::second_look:
      return "second-look";
    case ReadReason::repair:
      return "repair";
    case ReadReason::reread:
      return "reread";
    case ReadReason::refresh:
      return "refresh";
  }
  return "unknown";
}

// The newest row stays, so what else the snapshot says of it needs no change.
SnapshotResult newest_rows(const SnapshotResult& result, std::size_t points) {
  if (!result.snapshot || result.snapshot->metrics.size() <= points) return result;
  auto fewer = std::make_shared<Snapshot>(*result.snapshot);
  fewer->metrics.erase(fewer->metrics.begin(), fewer->metrics.end() - static_cast<std::ptrdiff_t>(points));
  SnapshotResult out = result;
  out.snapshot = std::move(fewer);
  return out;
}

}  // namespace pulsegate::storage
