// Formatting is hiredis'; this file keeps its memory and its types out of everything else.
#include "bus/resp_command.hpp"

#include <hiredis/hiredis.h>

#include <memory>
#include <new>

namespace pulsegate::bus {

void append_command(std::string& out, const std::vector<std::string_view>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  texts.reserve(arguments.size());
  lengths.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data() != nullptr ? argument.data() : "");
    lengths.push_back(argument.size());
  }
  char* text = nullptr;
  const int size = redisFormatCommandArgv(&text, static_cast<int>(texts.size()), texts.data(), lengths.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&redisFreeCommand)> owned(text, &redisFreeCommand);
  out.append(text, static_cast<std::size_t>(size));
}

}  // namespace pulsegate::bus
