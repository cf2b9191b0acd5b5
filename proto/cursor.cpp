// 21 bytes as 28 characters: base64 of the URL-safe alphabet without padding and without spare bits, so that every
// cursor has one text. Byte 0 is the version of the form, 1–8 the time in microseconds, 9–16 the digest, 17–18 the
// occurrence, 19–20 the check; numbers with the highest byte first.
#include "proto/cursor.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace pulsegate::proto {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSize = 21;
constexpr std::size_t kCheckAt = 19;
static_assert(kSize % 3 == 0 && kSize / 3 * 4 == kCursorSize);

constexpr std::int64_t kTimeEnd = 253'402'300'800'000'000;  // microseconds; the year 10000

using Bytes = std::array<std::uint8_t, kSize>;

// FNV-1a of 64 bits, whose last bytes reach only some bits, behind the finaliser of MurmurHash3, which spreads them.
// Neither may ever change: clients keep cursors, and replicas of two versions read each other's.
class Digest {
 public:
  void take(std::uint8_t byte) noexcept { state_ = (state_ ^ byte) * 0x100000001b3; }
  std::uint64_t value() const noexcept {
    std::uint64_t x = state_;
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
    return x ^ (x >> 33);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

struct Digested {
  Metric metric;
  int decimals;
};
// The order is part of the digest.
constexpr Digested kDigested[] = {{Metric::cpu_usage, 2},
                                  {Metric::memory_usage, 0},
                                  {Metric::memory_total, 0},
                                  {Metric::network_rx, 0},
                                  {Metric::network_tx, 0}};

// Sign, significant digits without zeros at either end, and the place of the point.
void take_digits(Digest& digest, bool negative, const char* digits, int count, int point) noexcept {
  while (count > 0 && digits[count - 1] == 0) --count;
  if (count == 0 || *digits == 0) {
    digest.take(0);
    return;
  }
  digest.take(negative ? 2 : 1);
  digest.take(static_cast<std::uint8_t>(count));
  for (int i = 0; i < count; ++i) digest.take(static_cast<std::uint8_t>(digits[i]));
  digest.take(static_cast<std::uint8_t>(point & 0xff));
  digest.take(static_cast<std::uint8_t>((point >> 8) & 0xff));
}

// The values of nearly every sample have no more decimals than are kept. Then nothing is rounded, and the digits are
// those of a whole number: of up to 15 digits no two have the same double.
bool take_exact(Digest& digest, double value, int decimals) noexcept {
  const double scale = decimals == 2 ? 100 : 1;
  const double scaled = std::fabs(value) * scale;
  if (!(scaled < 1e15)) return false;
  auto number = static_cast<std::uint64_t>(scaled + 0.5);  // NOLINT(bugprone-incorrect-roundings): below 1e15
  if (static_cast<double>(number) / scale != std::fabs(value)) return false;
  std::array<char, 16> digits{};
  std::size_t first = digits.size();
  for (; number > 0; number /= 10) digits[--first] = static_cast<char>(number % 10);
  const int count = static_cast<int>(digits.size() - first);
  take_digits(digest, std::signbit(value), digits.data() + first, count, count - decimals);
  return true;
}

// It starts from the shortest digits that give the double back, which are unique, and what JavaScript prints.
void take_rounded(Digest& digest, double value, int decimals) noexcept {
  if (take_exact(digest, value, decimals)) return;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  // d[.ddd]e±dd; one place in front for the carry of 9.99.
  std::array<char, 20> digits{};
  int count = 0;
  const char* c = text;
  for (; *c != 'e'; ++c)
    if (*c != '.') digits[1 + static_cast<std::size_t>(count++)] = static_cast<char>(*c - '0');
  int point = 0;  // how many of the digits stand before the decimal point
  ++c;
  std::from_chars(*c == '+' ? c + 1 : c, end, point);
  ++point;

  const int kept = point + decimals;
  if (kept < 0) {
    count = 0;
  } else if (kept < count) {
    count = kept;
    if (digits[1 + static_cast<std::size_t>(kept)] >= 5) {
      std::size_t last = static_cast<std::size_t>(kept);
      while (digits[last] == 9) digits[last--] = 0;
      ++digits[last];
    }
  }
  const char* first = digits.data() + 1;
  if (digits[0] != 0) --first, ++count, ++point;
  take_digits(digest, std::signbit(value), first, count, point);
}

void put(Bytes& bytes, std::size_t at, std::size_t size, std::uint64_t value) noexcept {
  for (std::size_t i = size; i-- > 0; value >>= 8) bytes[at + i] = static_cast<std::uint8_t>(value);
}

std::uint64_t get(const Bytes& bytes, std::size_t at, std::size_t size) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
  return value;
}

std::uint16_t check_of(const Bytes& bytes) noexcept {
  Digest digest;
  for (std::size_t i = 0; i < kCheckAt; ++i) digest.take(bytes[i]);
  return static_cast<std::uint16_t>(digest.value());
}

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// -1: not of the alphabet.
int sextet(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

}  // namespace

std::uint64_t sample_digest(const MetricValues& values) noexcept {
  Digest digest;
  for (const Digested& digested : kDigested) {
    const MetricValue& value = values[digested.metric];
    if (value.present && std::isfinite(value.value)) {
      take_rounded(digest, value.value, digested.decimals);
    } else {
      digest.take(3);
    }
  }
  return digest.value();
}

void append_cursor(std::string& out, const Cursor& cursor) {
  Bytes bytes{};
  bytes[0] = kVersion;
  put(bytes, 1, 8, static_cast<std::uint64_t>(cursor.time.time_since_epoch().count()));
  put(bytes, 9, 8, cursor.digest);
  put(bytes, 17, 2, cursor.occurrence);
  put(bytes, kCheckAt, 2, check_of(bytes));
  for (std::size_t i = 0; i < kSize; i += 3) {
    const std::uint64_t three = get(bytes, i, 3);
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(kAlphabet[(three >> shift) & 63]);
  }
}

std::optional<Cursor> parse_cursor(std::string_view text) noexcept {
  if (text.size() != kCursorSize) return std::nullopt;
  Bytes bytes{};
  for (std::size_t i = 0; i < kSize; i += 3) {
    int three = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const int six = sextet(text[i / 3 * 4 + j]);
      if (six < 0) return std::nullopt;
      three = three << 6 | six;
    }
    put(bytes, i, 3, static_cast<std::uint64_t>(three));
  }
  const std::uint64_t time = get(bytes, 1, 8);
  if (bytes[0] != kVersion || get(bytes, kCheckAt, 2) != check_of(bytes) || time >= kTimeEnd) return std::nullopt;
  return Cursor{Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(time))), get(bytes, 9, 8),
                static_cast<std::uint16_t>(get(bytes, 17, 2))};
}

std::optional<Since> parse_since(std::string_view text) noexcept {
  if (const auto cursor = parse_cursor(text)) return Since(*cursor);
  if (const auto time = parse_iso8601(text)) return Since(*time);
  return std::nullopt;
}

Timestamp time_of(const Since& since) noexcept {
  const auto* const cursor = std::get_if<Cursor>(&since);
  return cursor != nullptr ? cursor->time : std::get<Timestamp>(since);
}

}  // namespace pulsegate::proto
