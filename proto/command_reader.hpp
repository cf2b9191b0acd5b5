// What stands in a client's command, before anything is judged. Private to proto/: parse_command() says what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/history_request.hpp"
#include "proto/json_scan.hpp"

namespace pulsegate::proto {

constexpr std::size_t kMaxEchoedName = 64;  // bytes of a client's own word in our answers

// At most `max` bytes of valid UTF-8, never half a character.
std::string_view cut(std::string_view text, std::size_t max) noexcept;

// Keeps the members that some command has, each bounded, whatever the command's type: that may come last. Of repeated
// members the last one counts. Others are ignored at any depth.
class CommandReader final : public JsonVisitor {
 public:
  enum class List : std::uint8_t { absent, strings, invalid };

  // Only then devices are looked for, and `since` may be an object.
  explicit CommandReader(bool for_fleet = false) noexcept : for_fleet_(for_fleet) {}

  bool is_object = false;
  std::optional<std::string> type;
  List channels = List::absent;
  std::vector<std::string> names;    // of `channels`, at most one more than a command may have
  std::vector<std::string> strange;  // entries of `channels` that are no strings, in words; as many at most
  List channel = List::absent;
  std::string channel_name;
  std::string id;                    // JSON text, empty when there is none that can be echoed
  std::optional<std::string> token;  // not longer than the text, whose size is the caller's to bound
  RequestValue since;
  RequestValue max_rate;
  RequestValue speed;
  RequestValue live;
  HistoryQueryText query;                     // top-level members
  std::optional<HistoryOptionsText> history;  // unset: no member `history` that is an object

  // Of the fleet endpoint, at most one more than a command may have of each.
  std::optional<std::string> device;                         // `deviceUuid`; whatever is no string, in words
  List devices = List::absent;                               // `deviceUuids`
  std::vector<std::string> device_names;                     // its entries; those that are no strings, in words
  std::vector<std::pair<std::string, RequestValue>> sinces;  // members of a `since` that is an object

  void key(std::size_t depth, std::string_view name) override;
  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override;
  void open(std::size_t depth, JsonKind kind, std::size_t begin) override;
  void close(std::size_t depth, JsonKind kind, std::size_t end) override;

 private:
  enum class Target : std::uint8_t { none, type, channels, channel, id, token, history, value, device, devices };

  RequestValue* value_of(std::string_view name) noexcept;
  static RequestValue* value_of(HistoryOptionsText& options, std::string_view name) noexcept;
  void add_channel(JsonKind kind, std::string_view text);
  void add_device(JsonKind kind, std::string_view text);

  Target target_ = Target::none;   // what the next value is
  RequestValue* value_ = nullptr;  // for Target::value
  bool in_channels_ = false;
  bool in_history_ = false;
  bool in_devices_ = false;
  bool in_since_ = false;
  const bool for_fleet_;
};

}  // namespace pulsegate::proto
