// Translates SOCI's exceptions into those of read_failure.hpp. Included by the readers only, since SOCI's headers are
// large.
#pragma once

#include <soci/soci.h>

#include <string>
#include <string_view>

#include "storage/named_sql.hpp"
#include "storage/read_failure.hpp"

namespace pulsegate::storage {

// What the server said, in one line, without what SOCI says around it.
std::string message_of(const soci::soci_error& error);

// Throws ConnectionLost, StatementsGone or ReadFailed for what went wrong with the statement called `name`.
[[noreturn]] void translate(const soci::soci_error& error, soci::session& sql, std::string_view name,
                            const SqlStatement& statement);

// Runs `body`, which executes that statement on `sql`.
template <typename Body>
auto guarded(soci::session& sql, std::string_view name, const SqlStatement& statement, Body&& body)
    -> decltype(body()) {
  try {
    return body();
  } catch (const soci::soci_error& error) {
    translate(error, sql, name, statement);
  }
}

}  // namespace pulsegate::storage
