// The PostgreSQL connection string as plain `key=value` words: what SOCI passes on unchanged. Pure text, no libpq.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::storage {

// One sentence that says what to change when `text` is a URI, or holds a value with spaces (SOCI splits such values),
// or a word that is not `key=value`. nullopt: fine. Does not know which keys exist; libpq does.
std::optional<std::string> check_connection_string(std::string_view text);

// Adds what is absent: connect_timeout, keepalives and tcp_user_timeout (so that a peer that vanished is noticed within
// some 20 s) and the application name "pulsegate". Requires: check_connection_string(text) found nothing.
std::string complete_connection_string(std::string_view text, std::chrono::seconds connect_timeout);

// For logs: values are replaced by "***", but for those of libpq's options that are no secrets; a word that is none of
// its options becomes "***=***". A text that check_connection_string() refuses becomes "(not shown)".
std::string redacted_connection_string(std::string_view text);

}  // namespace pulsegate::storage
