// A reader for the grammar of RFC 6455, section 9.1, that goes on after an offer it does not understand.
#include "gateway/ws/compression_offer.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::ws {
namespace {

constexpr std::string_view kExtension = "permessage-deflate";
constexpr std::string_view kBlanks = " \t";

// RFC 7230, section 3.2.6.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [=](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes what is before the next `separator` off the front of `rest`; one inside quotes does not count.
std::string_view next_part(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != separator); ++end)
    if (rest[end] == '"') quoted = !quoted;
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(part);
}

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;
};

// nullopt when malformed. A quoted value must hold a token (RFC 6455, section 9.1), so it needs no unescaping.
std::optional<Parameter> read_parameter(std::string_view text) {
  Parameter parameter;
  const std::size_t equals = text.find('=');
  parameter.name = trimmed(text.substr(0, equals));
  if (!is_token(parameter.name)) return std::nullopt;
  if (equals == std::string_view::npos) return parameter;
  std::string_view value = trimmed(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  if (!is_token(value)) return std::nullopt;
  parameter.value = value;
  return parameter;
}

// 8 to 15, without leading zeros (RFC 7692, section 7.1.2).
bool is_window(std::string_view text) {
  if (text.size() == 1) return text == "8" || text == "9";
  return text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5';
}

std::optional<std::string> answer_one(std::string_view offer) {
  if (next_part(offer, ';') != kExtension) return std::nullopt;
  bool server_alone = false, client_alone = false, server_window = false, client_window = false;
  const auto first_time = [](bool& seen) { return !std::exchange(seen, true); };
  while (!offer.empty()) {
    const std::optional<Parameter> parameter = read_parameter(next_part(offer, ';'));
    if (!parameter) return std::nullopt;
    const auto& [name, value] = *parameter;
    bool good = false;
    if (name == "server_no_context_takeover") {
      good = !value && first_time(server_alone);
    } else if (name == "client_no_context_takeover") {
      good = !value && first_time(client_alone);
    } else if (name == "server_max_window_bits") {
      // The shared frames have the largest window; one for each size would be compressed once for each size.
      good = value == "15" && first_time(server_window);
    } else if (name == "client_max_window_bits") {
      // A hint, which needs no answer: what the client sends is inflated with the largest window.
      good = (!value || is_window(*value)) && first_time(client_window);
    }
    if (!good) return std::nullopt;
  }
  std::string answer = std::string(kExtension) + "; server_no_context_takeover; client_no_context_takeover";
  if (server_window) answer += "; server_max_window_bits=15";
  return answer;
}

}  // namespace

std::optional<std::string> answer_compression_offer(std::string_view offers) {
  while (!offers.empty())
    if (std::optional<std::string> answer = answer_one(next_part(offers, ','))) return answer;
  return std::nullopt;
}

}  // namespace pulsegate::ws
