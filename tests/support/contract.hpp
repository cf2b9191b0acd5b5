// The contract of the protocol, proto/schemas, as far as tests ask it: what is wrong with a message, and which messages
// a run has seen. WsClient and the HTTP client ask it about all that they send and receive.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::test {

// Who says it: the folders of proto/schemas.
enum class Side { client, server, http, bus };

// What is wrong with `text`, in one line; empty: nothing. `name` is a schema's: "metrics", "subscribe", "snapshot".
// Throws std::invalid_argument where the contract has no such schema. Thread: any.
std::string contract_error(Side side, const std::string& name, std::string_view text);
// The names of a side's schemas, in alphabetical order.
const std::vector<std::string>& contract_names(Side side);
// The examples of a schema, each as JSON.
std::vector<std::string> contract_examples(Side side, const std::string& name);
// A part of a schema file as JSON: contract_part("common.json", "/definitions/errorCode").
std::string contract_part(const std::string& file, const std::string& pointer);

// By its `type`: a message of the server, a command of a client. Throw std::runtime_error that says what is wrong.
// `type`s that are not the protocol's own, of broadcasts and channels that are passed through, are those of kOwnTypes.
void check_server_message(std::string_view text);
void check_command(std::string_view text);
// The body of an answer of the gateway's public port: a snapshot, a history, or what says why there is none.
void check_http_body(std::string_view target, int status, std::string_view content_type, std::string_view body);

// What was seen and found good since contract_begin(), or since the process began: "server/metrics". When it ends, a
// process that has seen anything tells what it has not, as a line of the table of results.
std::set<std::string> contract_seen();
void contract_begin();
// All that there is to be seen, of a side.
std::set<std::string> contract_all(Side side);

}  // namespace pulsegate::test
