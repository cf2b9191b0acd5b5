// The words that logs and metric labels use for the enumerations of the contract.
#include "storage/snapshot_source.hpp"

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

}  // namespace pulsegate::storage
