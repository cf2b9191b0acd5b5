// What all cases of the suite GuideParity share: installations with different column types, rows to fill them with, and
// the comparison itself.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/guide/installation.hpp"

namespace pulsegate::test {

// Suite fixture: one Redis, one PostgreSQL, and on it one database for each installation.
void start_world();
void stop_world();
std::vector<std::unique_ptr<Installation>>& installations();

// Has the same conversation with both servers and reports every difference as a failure of the running case.
void compare(Installation& installation, const Conversation& conversation);

// On every installation: a device with the rows that `fill` writes, and a client that subscribes to everything.
// `expected` is what the guide's server must send.
void compare_all(const std::function<void(DeviceRows&)>& fill, const std::set<std::string>& expected);

// A device with a row in each table, on the first installation, for cases in which the rows do not matter.
DeviceRows device_with_full_rows(Installation& installation);
Installation& any_installation();

// The subscribe command of the guide's own client, and every type of data message.
extern const std::string kSubscribeAll;
extern const std::set<std::string> kEverything;

// Rows without a NULL.
Columns full_metrics();
Columns full_state();

// The `i`th of sixty successive minutes, as recorded_at.
std::string minute(int i);

}  // namespace pulsegate::test
