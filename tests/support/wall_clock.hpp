// The wall clock of tests, in milliseconds since 1970, and times as the API server writes them.
#pragma once

#include <chrono>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>

namespace pulsegate::test {

inline long long now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "2026-11-22T14:05:00.123Z". Requires: not before 1970.
inline std::string iso_time(long long milliseconds_since_epoch) {
  const std::time_t seconds = static_cast<std::time_t>(milliseconds_since_epoch / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(milliseconds_since_epoch % 1000));
  return text;
}

// The inverse; throws when the text has any other form.
inline long long parse_iso_time(const std::string& text) {
  std::tm parts{};
  int milliseconds = 0;
  int read = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &milliseconds, &read) != 7 ||
      read != 24) {
    throw std::runtime_error("no time: " + text);
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<long long>(timegm(&parts)) * 1000 + milliseconds;
}

}  // namespace pulsegate::test
