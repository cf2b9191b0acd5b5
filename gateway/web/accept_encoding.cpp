#include "gateway/web/accept_encoding.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace pulsegate::web {
namespace {

// Weights are in thousandths, as exact as they can be written.
constexpr int kFull = 1'000;
// Acceptable since nothing forbids it, yet behind whatever was asked for.
constexpr int kTolerated = 0;
constexpr int kForbidden = -1;

constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim(head);
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

// "0", "1", "0.5", "1.000"; nullopt: anything else.
std::optional<int> parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * kFull;
  int unit = kFull / 10;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight <= kFull ? std::optional<int>(weight) : std::nullopt;
}

// Of the parameters behind a coding only `q` means anything. One that cannot be read counts as not there.
int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    std::string_view value = take_until(parameters, ';');
    if (!same_word(take_until(value, '='), "q")) continue;
    const int weight = parse_weight(trim(value)).value_or(kFull);
    return weight == 0 ? kForbidden : weight;
  }
  return kFull;
}

}  // namespace

std::string_view name(Coding coding) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"", "gzip", "br"};
  return kNames[static_cast<std::size_t>(coding)];
}

Coding choose_coding(std::string_view accept) noexcept {
  std::optional<int> identity, gzip, brotli, others;
  while (!accept.empty()) {
    std::string_view parameters = take_until(accept, ',');
    const std::string_view coding = take_until(parameters, ';');
    const auto note = [&parameters](std::optional<int>& weight) {
      if (!weight) weight = weight_of(parameters);
    };
    if (same_word(coding, "br")) note(brotli);
    if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) note(gzip);
    if (same_word(coding, "identity")) note(identity);
    if (coding == "*") note(others);
  }
  const int for_identity = identity.value_or(others && *others == kForbidden ? kForbidden : kTolerated);
  const int for_gzip = gzip.value_or(others.value_or(kForbidden));
  const int for_brotli = brotli.value_or(others.value_or(kForbidden));
  if (for_brotli > kTolerated && for_brotli >= std::max(for_gzip, for_identity)) return Coding::brotli;
  if (for_gzip > kTolerated && for_gzip >= for_identity) return Coding::gzip;
  return Coding::identity;
}

}  // namespace pulsegate::web
