// W3C Trace Context (https://www.w3.org/TR/trace-context/): what an event may carry so that what clients do with it can
// be told to be of the trace in which it was published. Checked and passed on, never changed; no spans of our own.
#pragma once

#include <cstddef>
#include <string_view>

namespace pulsegate::proto {

inline constexpr std::size_t kTraceparentSize = 55;     // bytes, exactly
inline constexpr std::size_t kMaxTracestateSize = 512;  // bytes, and 32 members

// Both in the characters that the standard allows: printable ASCII, in `state` tabs too. The texts belong to somebody
// else.
struct TraceContext {
  std::string_view parent;  // `traceparent`: "00-<trace id>-<parent id>-<flags>"; empty: there is no trace
  std::string_view state;   // `tracestate`; empty: none

  bool empty() const noexcept { return parent.empty(); }
  // 32 hexadecimal digits; empty without a trace.
  std::string_view trace_id() const noexcept { return parent.empty() ? parent : parent.substr(3, 32); }
  // 16 of them: the span in which the event was published.
  std::string_view parent_id() const noexcept { return parent.empty() ? parent : parent.substr(36, 16); }
};

// 2, 32, 16 and 2 lower-case hexadecimal digits with dashes between; not the version ff, no id of zeros alone. Longer
// forms of versions to come are not taken.
bool is_traceparent(std::string_view text) noexcept;
// A list of key=value with no key twice; empty members and blanks around them are allowed, an empty list is not.
bool is_tracestate(std::string_view text);

}  // namespace pulsegate::proto
