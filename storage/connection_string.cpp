// SOCI cuts the string at every space and puts it together again, so a value with a space does not survive.
#include "storage/connection_string.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

namespace pulsegate::storage {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return out;
    const std::size_t end = std::min(text.find_first_of(kSpaces, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

std::string_view key_of(std::string_view word) {
  return word.substr(0, word.find('='));
}

bool is_uri(std::string_view text) {
  return text.substr(0, 11) == "postgres://" || text.substr(0, 13) == "postgresql://";
}

// Of libpq's options those whose values anybody may see. A mistyped one would be shown with its value, and a password
// that holds a space ends as a word of its own.
bool may_be_shown(std::string_view key) {
  constexpr std::string_view kOpen[] = {"application_name",
                                        "channel_binding",
                                        "client_encoding",
                                        "connect_timeout",
                                        "dbname",
                                        "fallback_application_name",
                                        "gssencmode",
                                        "host",
                                        "hostaddr",
                                        "keepalives",
                                        "keepalives_count",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "krbsrvname",
                                        "load_balance_hosts",
                                        "options",
                                        "port",
                                        "require_auth",
                                        "requirepeer",
                                        "service",
                                        "sslcert",
                                        "sslcompression",
                                        "sslcrl",
                                        "sslcrldir",
                                        "sslkey",
                                        "sslmode",
                                        "sslrootcert",
                                        "sslsni",
                                        "ssl_max_protocol_version",
                                        "ssl_min_protocol_version",
                                        "passfile",
                                        "target_session_attrs",
                                        "tcp_user_timeout",
                                        "user"};
  return std::find(std::begin(kOpen), std::end(kOpen), key) != std::end(kOpen);
}

// A quote that opens in one word and closes in another.
bool ends_inside_quotes(std::string_view word) {
  bool inside = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '\\') {
      ++i;
    } else if (word[i] == '\'') {
      inside = !inside;
    }
  }
  return inside || (!word.empty() && word.back() == '\\');
}

}  // namespace

std::optional<std::string> check_connection_string(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kSpaces), text.size());
  if (is_uri(text.substr(begin)))
    return "the database must be given as words like 'host=db port=5432 dbname=iot user=pulsegate', not as a URI";
  for (const std::string_view word : words(text)) {
    const std::string key(key_of(word));
    if (key.size() == word.size() || key.empty())
      return "the database must be given as words key=value without spaces around '='; a word has no key or no '='";
    if (ends_inside_quotes(word))
      return "the value of '" + key + "' holds a space, which cannot be passed on; use passfile=… for such a password";
    if (key == "singlerow" || key == "singlerows") return "the database option '" + key + "' is not supported";
  }
  return std::nullopt;
}

std::string complete_connection_string(std::string_view text, std::chrono::seconds connect_timeout) {
  const std::array<std::pair<std::string_view, std::string>, 7> defaults{{
      {"connect_timeout", std::to_string(connect_timeout.count())},
      {"keepalives", "1"},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "10000"},
      {"fallback_application_name", "pulsegate"},
  }};
  const std::vector<std::string_view> given = words(text);
  std::string out;
  for (const std::string_view word : given) out.append(out.empty() ? "" : " ").append(word);
  for (const auto& [key, value] : defaults) {
    const std::string_view wanted = key;
    const auto same_key = [wanted](std::string_view word) { return key_of(word) == wanted; };
    if (std::any_of(given.begin(), given.end(), same_key)) continue;
    out.append(out.empty() ? "" : " ").append(key).append("=").append(value);
  }
  return out;
}

std::string redacted_connection_string(std::string_view text) {
  // Where a faulty string hides its password cannot be told, so none of it is shown.
  if (check_connection_string(text)) return "(not shown)";
  std::string out;
  for (const std::string_view word : words(text)) {
    const std::string_view key = key_of(word);
    out.append(out.empty() ? "" : " ");
    if (may_be_shown(key)) {
      out.append(word);
    } else {
      // What is no option of libpq may be a part of a password, name and all.
      const bool known = key == "password" || key == "sslpassword";
      out.append(known ? key : std::string_view("***")).append("=***");
    }
  }
  return out;
}

}  // namespace pulsegate::storage
