// See guide_server.hpp.
#include "tests/conformance/guide/guide_server.hpp"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace pulsegate::test {
namespace {

std::map<std::string, std::string> environment_for(const std::string& connection) {
  auto environment = current_environment();
  // What a developer has set for other databases and other programs must not reach this one.
  environment.erase("NODE_OPTIONS");
  for (auto variable = environment.begin(); variable != environment.end();) {
    variable = variable->first.rfind("PG", 0) == 0 ? environment.erase(variable) : std::next(variable);
  }
  static const std::map<std::string, std::string> kVariables = {
      {"host", "PGHOST"}, {"port", "PGPORT"}, {"dbname", "PGDATABASE"}, {"user", "PGUSER"}, {"password", "PGPASSWORD"}};
  std::istringstream words(connection);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    const auto variable = kVariables.find(word.substr(0, equals));
    if (equals == std::string::npos || variable == kVariables.end()) {
      throw std::runtime_error("the guide's server cannot be told this: " + word);
    }
    environment[variable->second] = word.substr(equals + 1);
  }
  // node-postgres reads a TIMESTAMP without time zone in the zone of its process, and the column holds UTC.
  environment["TZ"] = "UTC";
  environment["PORT"] = "0";
  return environment;
}

}  // namespace

GuideServer::GuideServer(const std::string& connection) {
  const char* directory = std::getenv("PULSEGATE_GUIDE_SERVER");
  if (directory == nullptr) {
    throw std::runtime_error(
        "set PULSEGATE_GUIDE_SERVER to the directory where deploy/install-modules has installed the guide's server "
        "(CTest "
        "does)");
  }
  ChildOptions options;
  options.program = "node";
  options.args = {"index.js"};
  options.environment = environment_for(connection);
  options.working_dir = directory;
  process_ = std::make_unique<ChildProcess>(std::move(options));
  const auto line = process_->wait_for_output("listening ", kServerDeadline);
  if (!line) throw std::runtime_error("the guide's server does not listen; it said:\n" + logs());
  port_ = static_cast<std::uint16_t>(std::stoul(line->substr(line->rfind(' ') + 1)));
}

WsClient GuideServer::open_device(const std::string& device, const std::string& query) const {
  return WsClient::open(port_, "/api/v1/devices/" + device + "/ws" + query, without_contract());
}

}  // namespace pulsegate::test
