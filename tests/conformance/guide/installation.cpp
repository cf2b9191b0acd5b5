// See installation.hpp.
#include "tests/conformance/guide/installation.hpp"

#include <algorithm>
#include <cstdio>

namespace pulsegate::test {
namespace {

const char* const kFenceDevice = "00000000-0000-4000-8000-00000000fe0c";
const std::set<std::string> kDataTypes = {"system-info", "processes", "history", "network-interfaces"};

std::string prepare(PostgresServer& postgres, const GuideSchema& schema, const std::string& alterations) {
  static int count = 0;
  std::string connection = postgres.create_database("parity_" + std::to_string(++count));
  PostgresClient sql(connection);
  create_guide_schema(sql, schema);
  sql.exec(alterations);
  StateSample fence;
  fence.device = kFenceDevice;
  insert_state(sql, fence);
  return connection;
}

// What the gateway sends after it has read the database where the guide's server sends nothing.
bool shows_that_the_snapshot_was_read(const Json& message) {
  if (message.type() == "metrics") return true;
  return message.type() == "status" && message.at("data").has("device") &&
         message.at("data").at("device").string() == "unknown";
}

// One client's side of the conversation.
class Listener {
 public:
  explicit Listener(WsClient client) : client_(std::move(client)) {}

  void send(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) client_.send_unchecked(text);
  }

  // Receives until `done` says so of everything received so far, or the deadline has passed.
  template <typename Done>
  void receive_until(Done done) {
    if (done(seen_)) return;
    client_.receive_until(
        [&](const Json& message) {
          seen_.push_back(message);
          return done(seen_);
        },
        kDeadline);
  }

  // Everything that the server sent before it answers this.
  void ping() {
    client_.send_text(R"({"type":"ping"})");
    for (Json& message : client_.expect_until([](const Json& m) { return m.type() == "pong"; }, kDeadline)) {
      seen_.push_back(std::move(message));
    }
  }

  Transcript take() { return std::move(seen_); }

 private:
  WsClient client_;
  Transcript seen_;
};

bool includes(const Transcript& transcript, const std::set<std::string>& types, std::ptrdiff_t times) {
  return std::all_of(types.begin(), types.end(), [&](const std::string& type) {
    const auto of_type = [&](const Json& message) { return message.type() == type; };
    return std::count_if(transcript.begin(), transcript.end(), of_type) >= times;
  });
}

}  // namespace

Installation::Installation(std::string name, RedisServer& redis, PostgresServer& postgres, const GuideSchema& schema,
                           const std::string& alterations)
    : name_(std::move(name)),
      connection_(prepare(postgres, schema, alterations)),
      sql_(connection_),
      guide_(connection_),
      gateway_({"--redis", redis.url(), "--database", connection_, "--auth", "none"}) {}

Transcript Installation::ask_guide(const Conversation& conversation) {
  Listener listener(guide_.open_device(conversation.device, conversation.query));
  for (int round = 1; round <= conversation.rounds; ++round) {
    listener.send(conversation.texts);
    // After this pong the server has put its queries in their queue; after the fence they have been answered; after
    // the second pong their results are here.
    listener.ping();
    listener.receive_until([&](const Transcript& seen) { return includes(seen, conversation.expected, round); });
    await_earlier_queries_of_guide();
    listener.ping();
  }
  return listener.take();
}

// Its queries are answered one after another (server/database.js), so the answer to this one is the last.
void Installation::await_earlier_queries_of_guide() {
  WsClient fence = guide_.open_device(kFenceDevice);
  fence.subscribe({"system-info"});
  fence.expect("system-info");
}

Transcript Installation::ask_gateway(const Conversation& conversation) {
  Listener listener(gateway_.open("/api/v1/devices/" + conversation.device + "/ws" + conversation.query));
  for (int round = 1; round <= conversation.rounds; ++round) {
    listener.send(conversation.texts);
    listener.ping();
    // The messages of a snapshot leave together, so the pong after one of them follows all of them.
    listener.receive_until([&](const Transcript& seen) {
      if (!conversation.expected.empty() || !conversation.subscribes) {
        return includes(seen, conversation.expected, round);
      }
      return std::any_of(seen.begin(), seen.end(), shows_that_the_snapshot_was_read);
    });
    listener.ping();
  }
  return listener.take();
}

std::set<std::string> data_types(const Transcript& transcript) {
  std::set<std::string> types;
  for (const Json& message : transcript) {
    if (kDataTypes.count(message.type()) > 0) types.insert(message.type());
  }
  return types;
}

std::string new_device() {
  static unsigned next = 0;
  char text[37];
  std::snprintf(text, sizeof text, "abcdef00-0000-4000-8000-%012x", ++next);
  return text;
}

}  // namespace pulsegate::test
