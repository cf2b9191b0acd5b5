// RESP2 as text and as records, for the tests of what reads it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "bus/resp_reader.hpp"

namespace pulsegate::bus::test {

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

inline std::string array(std::initializer_list<std::string> elements) {
  std::string out = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) out += element;
  return out;
}

inline std::string message(std::string_view topic, std::string_view payload) {
  return array({bulk("message"), bulk(topic), bulk(payload)});
}

inline std::string confirmation(std::string_view verb, std::string_view topic, int count) {
  return array({bulk(verb), bulk(topic), ":" + std::to_string(count) + "\r\n"});
}

struct Record {
  ReplyKind kind;
  std::string topic;
  std::string text;
  std::int64_t number;

  bool operator==(const Record& other) const {
    return kind == other.kind && topic == other.topic && text == other.text && number == other.number;
  }
};

// Copies every reply; asks to stop after `stop_after` of them.
class Recorder final : public ReplyHandler {
 public:
  bool on_reply(const Reply& reply) override {
    records.push_back({reply.kind, std::string(reply.topic), std::string(reply.text), reply.number});
    return records.size() != stop_after;
  }

  std::vector<Record> records;
  std::size_t stop_after = 0;  // 0: never
};

}  // namespace pulsegate::bus::test
