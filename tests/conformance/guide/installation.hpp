// One database with the tables of the guide, and the two servers that must look the same on it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/guide/guide_server.hpp"
#include "tests/conformance/guide/parity.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/guide_schema.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

using Columns = std::map<std::string, SqlValue>;

// The rows of one device. Columns that are not named are NULL.
class DeviceRows {
 public:
  DeviceRows(PostgresClient& sql, std::string device) : sql_(sql), device_(std::move(device)) {}

  void metrics(const std::string& recorded_at, Columns columns) { insert("device_metrics", recorded_at, columns); }
  void state(const std::string& recorded_at, Columns columns) { insert("device_state_records", recorded_at, columns); }
  const std::string& device() const { return device_; }
  PostgresClient& sql() { return sql_; }

 private:
  void insert(const std::string& table, const std::string& recorded_at, Columns& columns) {
    columns["device_uuid"] = device_;
    columns["recorded_at"] = recorded_at;
    sql_.insert(table, columns);
  }

  PostgresClient& sql_;
  std::string device_;
};

// What a client does after it has connected.
struct Conversation {
  std::string device;
  std::vector<std::string> texts = {};  // sent as they are
  std::set<std::string> expected = {};  // types of data messages that the guide's server must send, one of each
  bool subscribes = true;               // false: the texts make no server read the database
  int rounds = 1;                       // how often the texts are sent; each round waits for the answers
  std::string query = {};               // of the URL, with its question mark
};

// Thread: one at a time.
class Installation {
 public:
  // `alterations`: SQL that changes column types after the tables were made.
  Installation(std::string name, RedisServer& redis, PostgresServer& postgres, const GuideSchema& schema,
               const std::string& alterations);

  const std::string& name() const { return name_; }
  DeviceRows rows(const std::string& device) { return {sql_, device}; }

  // Everything that a client receives, with proof that there is no more to come. The transcript of a server that does
  // not send what is expected ends at a deadline.
  Transcript ask_guide(const Conversation& conversation);
  Transcript ask_gateway(const Conversation& conversation);

  // Exit code of the gateway after SIGTERM; sanitizer reports make it one other than 0.
  int stop_gateway() { return gateway_.stop(); }
  std::string logs() const { return "guide:\n" + guide_.logs() + "gateway:\n" + gateway_.logs(); }

 private:
  void await_earlier_queries_of_guide();

  std::string name_;
  std::string connection_;
  PostgresClient sql_;
  GuideServer guide_;
  GatewayProcess gateway_;
};

// The types of a transcript that carry rows of the database.
std::set<std::string> data_types(const Transcript& transcript);

// A UUID that no other case uses.
std::string new_device();

}  // namespace pulsegate::test
