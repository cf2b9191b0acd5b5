// Reads statements as SOCI will: a colon outside quotes starts a parameter. Comments are removed here, because SOCI
// would take a colon within them for one.
#include "storage/named_sql.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <set>
#include <stdexcept>
#include <utility>

#include "storage/sql_profiles.hpp"

namespace pulsegate::storage {
namespace {

struct Known {
  std::string_view name;
  std::array<std::string_view, 4> parameters;  // each must be used; empty: none
};
constexpr std::array<Known, 8> kKnown{{{"clock", {}},
                                       {"metrics_window", {":device", ":points"}},
                                       {"latest_state", {":device"}},
                                       {"range_count", {":device", ":from", ":to", ":points"}},
                                       {"range_rows", {":device", ":from", ":to", ":points"}},
                                       {"range_extremes", {":device", ":from", ":to", ":buckets"}},
                                       {"range_mean", {":device", ":from", ":to", ":buckets"}},
                                       {"rows_after", {":device", ":after", ":points"}}}};

std::string known_names() {
  std::string names;
  for (const Known& known : kKnown) names.append(names.empty() ? "" : ", ").append(known.name);
  return names;
}

[[noreturn]] void fail(std::string_view origin, std::size_t line, const std::string& what) {
  throw std::invalid_argument(std::string(origin) + ":" + std::to_string(line) + ": " + what);
}

std::string quoted(std::string_view name) {
  return "'" + std::string(name) + "'";
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// "-- name: clock" gives "clock"; any other line gives nothing.
std::optional<std::string_view> section_name(std::string_view line) {
  line = trim(line);
  for (const std::string_view part : {"--", "name", ":"}) {
    if (line.substr(0, part.size()) != part) return std::nullopt;
    line = trim(line.substr(part.size()));
  }
  return line;
}

// Calls `visit(position)` for the characters outside quotes; it returns where to go on.
template <typename Visit>
void scan(std::string_view sql, Visit&& visit) {
  for (std::size_t i = 0; i < sql.size();) {
    if (sql[i] == '\'' || sql[i] == '"') {
      const std::size_t end = sql.find(sql[i], i + 1);
      i = end == std::string_view::npos ? sql.size() : end + 1;
    } else {
      i = visit(i);
    }
  }
}

// Line breaks stay, so that line numbers stay right.
std::string without_comments(std::string_view sql) {
  std::string out;
  std::size_t kept = 0;
  scan(sql, [&](std::size_t i) {
    if (sql.substr(i, 2) != "--") return i + 1;
    out.append(sql, kept, i - kept);
    kept = std::min(sql.find('\n', i), sql.size());
    return kept;
  });
  out.append(sql, kept, std::string_view::npos);
  return out;
}

// One section, checked. `line` is that of its `-- name:` line, which is the first of `section`.
SqlStatement checked(const Known& known, std::string_view section, std::string_view origin, std::size_t line) {
  std::string text = without_comments(section);
  std::set<std::string> used;
  std::size_t semicolon = std::string::npos;
  scan(text, [&](std::size_t i) {
    const auto fail_here = [&](const std::string& what) {
      const auto breaks = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i), '\n');
      fail(origin, line + static_cast<std::size_t>(breaks), what);
    };
    if (semicolon != std::string::npos && !is_space(text[i]))
      fail_here("a section holds one statement, but a second one begins here");
    if (text[i] == ';') semicolon = i;
    if (text[i] != ':') return i + 1;
    if (text.compare(i, 2, "::") == 0) fail_here("write CAST(x AS type) instead of x::type");
    std::size_t end = i + 1;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string parameter = text.substr(i, end - i);
    if (std::find(known.parameters.begin(), known.parameters.end(), parameter) == known.parameters.end())
      fail_here("statement " + quoted(known.name) + " has no parameter " + quoted(parameter));
    used.insert(parameter);
    return end;
  });
  if (semicolon != std::string::npos) text.erase(semicolon);
  text = std::string(trim(text));
  if (text.empty()) fail(origin, line, "statement " + quoted(known.name) + " is empty");
  for (const std::string_view parameter : known.parameters) {
    if (parameter.empty() || used.count(std::string(parameter)) != 0) continue;
    const std::string what = (parameter == ":points" ? "LIMIT " : "") + std::string(parameter);
    fail(origin, line, "statement " + quoted(known.name) + " must use " + what);
  }
  return {std::move(text), std::string(origin) + ":" + std::to_string(line)};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  for (char buffer[4096]; file.read(buffer, sizeof buffer) || file.gcount() > 0;)
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad()) throw std::invalid_argument("cannot read the SQL file " + quoted(path));
  return text;
}

}  // namespace

SqlSet::SqlSet(SqlStatements statements, std::string_view origin) : statements_(std::move(statements)) {
  for (const Known& known : kKnown) {
    if (statements_.find(known.name) == statements_.end())
      throw std::invalid_argument(std::string(origin) + " has no statement " + quoted(known.name));
  }
}

SqlStatements parse_sql(std::string_view text, std::string_view origin) {
  SqlStatements statements;
  const Known* known = nullptr;
  std::size_t section = 0, section_line = 0, line = 0;
  const auto close_section = [&](std::size_t end) {
    if (known == nullptr) return;
    statements[std::string(known->name)] = checked(*known, text.substr(section, end - section), origin, section_line);
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    ++line;
    if (const auto name = section_name(content)) {
      close_section(begin);
      const auto at = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == *name; });
      if (at == kKnown.end()) fail(origin, line, "unknown statement " + quoted(*name) + "; there are " + known_names());
      if (statements.find(*name) != statements.end())
        fail(origin, line, "statement " + quoted(*name) + " stands here for the second time");
      known = &*at;
      section = begin;
      section_line = line;
    } else if (known == nullptr && !trim(without_comments(content)).empty()) {
      fail(origin, line, "text before the first '-- name: …' line");
    }
    begin = end + 1;
  }
  close_section(text.size());
  return statements;
}

SqlSet load_sql(std::string_view profile, const std::optional<std::string>& override_file) {
  SqlStatements statements = parse_sql(sql_profiles::kGuide, "guide.sql");
  const auto lay_over = [&statements](SqlStatements newer) {
    newer.merge(statements);
    statements = std::move(newer);
  };
  if (profile == "devices-table") {
    lay_over(parse_sql(sql_profiles::kDevicesTable, "devices_table.sql"));
  } else if (profile != "guide") {
    throw std::invalid_argument("unknown SQL profile " + quoted(profile) + "; there are 'guide' and 'devices-table'");
  }
  if (override_file) {
    SqlStatements own = parse_sql(read_file(*override_file), *override_file);
    if (own.empty()) throw std::invalid_argument(*override_file + " names no statement; '-- name: …' is missing");
    lay_over(std::move(own));
  }
  return SqlSet(std::move(statements), profile);
}

std::string with_points(const std::string& statement, std::size_t points) {
  constexpr std::string_view kParameter = ":points";
  std::string out;
  std::size_t kept = 0;
  scan(statement, [&](std::size_t i) {
    if (statement.compare(i, kParameter.size(), kParameter) != 0) return i + 1;
    out.append(statement, kept, i - kept).append(std::to_string(points));
    kept = i + kParameter.size();
    return kept;
  });
  return out.append(statement, kept);
}

bool keeps_ties(const std::string& statement) {
  std::string words = " ";  // in upper case, a space between two, without what is quoted
  scan(statement, [&](std::size_t i) {
    if (is_word(statement[i])) {
      words += static_cast<char>(std::toupper(static_cast<unsigned char>(statement[i])));
    } else if (words.back() != ' ') {
      words += ' ';
    }
    return i + 1;
  });
  return (words + ' ').find(" WITH TIES ") != std::string::npos;
}

}  // namespace pulsegate::storage
