// The only file that translates between SOCI's exceptions and buffers and the contract.
#include "storage/snapshot_reader.hpp"

#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "storage/prepared_statements.hpp"
#include "storage/row_text.hpp"

namespace pulsegate::storage {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// A drift of 100 ppm, which is a bad clock, makes 6 ms of it.
constexpr std::chrono::seconds kClockOffsetAge{60};

constexpr std::array<std::string_view, StateStatement::kTexts> kStateColumns{
    "os", "architecture", "uptime", "hostname", "ip_address", "mac_address", "top_processes", "network_interfaces"};

// What PostgreSQL says may have several lines ("LINE 1: …"); a log line is one.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != '\t') {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string sqlstate_of(const soci::soci_error& error) {
  const auto* from_server = dynamic_cast<const soci::postgresql_soci_error*>(&error);
  return from_server != nullptr ? from_server->sqlstate() : std::string();
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

proto::Timestamp timestamp(long long us) { return proto::Timestamp(microseconds(us)); }

}  // namespace

// Members are destroyed in reverse order: every statement before the session that it was prepared on.
struct SnapshotReader::Session {
  explicit Session(const std::string& connection) : sql(soci::postgresql, connection) {}

  const postgresql_session_backend_t* dummy = nullptr;
  soci::session sql;
  std::unique_ptr<ClockStatement> clock;
  std::map<std::size_t, WindowStatement> windows;  // by number of rows
  std::unique_ptr<StateStatement> state;
  RowText text;
};

}  // namespace pulsegate::storage
