// Texts of options and what they mean: durations, sizes, numbers, addresses; read strictly, printed so that they read
// back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config.hpp"

namespace pulsegate::commands {

// All readers: nullopt when the text is not exactly of the form; surrounding blanks are not allowed.

// "500ms", "2s", "5m", "1h", and "0". A number without a unit is refused: nobody remembers which unit it was.
std::optional<Millis> read_duration(std::string_view text) noexcept;
// The largest unit that is exact: 25000 ms is "25s".
std::string show_duration(Millis value);

// "64KiB", "1MiB", "1GiB", or plain bytes. KB and k are refused, since they are read both ways.
std::optional<std::size_t> read_size(std::string_view text) noexcept;
std::string show_size(std::size_t bytes);

std::optional<std::uint64_t> read_count(std::string_view text) noexcept;
// A finite decimal number.
std::optional<double> read_real(std::string_view text) noexcept;
std::string show_real(double value);

// "host:port", "[::1]:0", ":8080" (every IPv4 address).
std::optional<Address> read_address(std::string_view text);
std::string show_address(const Address& address);

std::string_view trim(std::string_view text) noexcept;

// The number of single-character edits from one to the other; for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace pulsegate::commands
