// Judges what a client of `metrics` and `history` received against what was published: every event once and in order,
// or a `gap` that names it, and no more. Pure: the log of a session goes in, sentences about its faults come out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pulsegate::test {

// A report of a device; its place in a vector of them, oldest first, is its number. All times are milliseconds since
// 1970, of one clock.
struct PublishedReport {
  long long time = 0;    // of its event, taken just before it was published
  bool on_bus = true;    // false: the bus was away, so perhaps only the table has it
  bool doubled = false;  // published twice: it may be received twice
};

struct ReceivedItem {
  enum class Kind { acknowledged, sample, gap };
  Kind kind = Kind::sample;
  long long at = 0;             // when it was received
  std::optional<bool> resumed;  // acknowledged: what it says, if it does
  int report = -1;              // sample: which one, by its values; -1: of none that was published
  long long time = 0;           // sample: its `timestamp`, the event's, or that of its row
  long long from = 0, to = 0;   // gap
  std::string reason;           // gap
};

// One connection, from its subscribe on.
struct ClientSession {
  enum class Since { none, cursor, time };
  Since since = Since::none;
  int since_report = -1;     // the sample whose cursor or time it gave; -1: not known
  long long since_time = 0;  // that sample's `timestamp`
  std::vector<ReceivedItem> received;
  bool to_the_end = false;  // stayed until all that was published had time to arrive
};

struct Outage {
  long long from = 0, to = 0;
};

struct ResumeRules {
  long long row_lag = 0;        // ms
  std::vector<Outage> outages;  // of the bus: nothing else excuses a gap with reason "bus"
  long long longest_pause = 0;  // ms between two reports, and until a bus that is back is used again
  // ms by which a bare time is taken earlier by a gateway that has not heard the device yet, and knows nothing of its
  // clock
  long long clocks_apart = 0;
};

using Faults = std::vector<std::string>;

// One session of a device whose reports all differ. A chain of sessions is right when each is: what the first has seen
// last is what the next begins after.
Faults check_session(const std::vector<PublishedReport>& published, const ClientSession& session,
                     const ResumeRules& rules);

// All sessions of a client from one without `since` to the last, of a device whose reports are all alike. Nothing tells
// which is which, so what is promised is only that none is lost outside of gaps.
Faults check_constant_chain(const std::vector<PublishedReport>& published, const std::vector<ClientSession>& chain,
                            const ResumeRules& rules);

// The last window of `history`, as numbers of reports (-1: of none): the newest `capacity` of `count` reports, each
// once, in order.
Faults check_window(const std::vector<int>& shown, int count, int capacity);

}  // namespace pulsegate::test
