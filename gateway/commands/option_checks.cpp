// Checks across options, and those that need the parser of whoever will use the value. Commands are the only place in
// the gateway that knows concrete adapters, so their parsers are asked here.
#include "gateway/commands/option_checks.hpp"

#include <stdexcept>
#include <utility>

#include "bus/redis_url.hpp"
#include "gateway/access/revocations.hpp"
#include "gateway/access/token.hpp"
#include "gateway/access/token_key.hpp"
#include "gateway/commands/option_table.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/server_access.hpp"
#include "proto/channel.hpp"
#include "proto/time.hpp"
#include "storage/connection_string.hpp"
#include "storage/named_sql.hpp"

namespace pulsegate::commands {
namespace {

class Checks {
 public:
  explicit Checks(const CheckContext& context) : context_(context), config_(context.config) {}

  std::vector<std::string> run() {
    addresses();
    adapters();
    names();
    relations();
    tokens();
    return std::move(errors_);
  }

 private:
  void fail(std::string_view flag, const std::string& sentence) {
    errors_.push_back(context_.where(flag) + ": " + sentence);
  }
  bool usable(std::string_view flag) const { return !context_.refused(flag); }
  bool usable(std::string_view a, std::string_view b) const { return usable(a) && usable(b); }

  // Two listeners on one port: the second would fail to bind, with a message that says less.
  void addresses() {
    same_port("--listen", config_.listen, "--health", config_.health);
    same_port("--listen", config_.listen, "--admin", config_.admin);
    same_port("--health", config_.health, "--admin", config_.admin);
  }

  void same_port(std::string_view flag, const Address& a, std::string_view other_flag, const Address& b) {
    const auto any = [](const Address& address) { return address.host == "0.0.0.0" || address.host == "::"; };
    if (a.port == 0 || a.port != b.port || !usable(flag, other_flag)) return;
    if (a.host == b.host || any(a) || any(b))
      fail(other_flag, show_address(b) + " is also the port of " + context_.where(flag) + " (" + show_address(a) + ")");
  }

  void adapters() {
    std::string error;
    if (usable("--redis")) redis();
    if (usable("--database") && config_.database)
      if (const auto sentence = storage::check_connection_string(*config_.database)) fail("--database", *sentence);
    if (!config_.sql_file.empty()) sql_file();
  }

  void redis() {
    std::string error;
    const auto url = bus::parse_redis_url(config_.redis, error);
    if (!url) return fail("--redis", error);
    if (config_.redis_cert.empty() != config_.redis_key.empty())
      fail(config_.redis_cert.empty() ? "--redis-key" : "--redis-cert", "--redis-cert and --redis-key go together");
    if (config_.redis_sharded && url->topology != bus::Topology::cluster)
      fail("--redis-sharded", "sharded pub/sub is a matter of clusters: begin the Redis URL with redis-cluster");
    if (url->tls) return;
    // Whoever names a CA expects that nothing goes over the wire in the clear.
    for (const auto& [flag, value] : {std::pair("--redis-ca", config_.redis_ca), {"--redis-cert", config_.redis_cert}})
      if (!value.empty()) fail(flag, "is of use with TLS only: begin the Redis URL with rediss");
  }

  void sql_file() {
    std::string error;
    const auto text = context_.read_file(config_.sql_file, error);
    if (!text) return fail("--sql-file", "cannot read " + config_.sql_file + ": " + error);
    try {
      storage::parse_sql(*text, config_.sql_file);
    } catch (const std::invalid_argument& fault) {
      fail("--sql-file", fault.what());
    }
  }

  void names() {
    try {
      if (usable("--channel")) proto::ChannelTable{config_.pass_through};
    } catch (const std::invalid_argument& fault) {
      fail("--channel", fault.what());
    }
    try {
      if (usable("--time-zone")) proto::ClockFormat{config_.time_zone};
    } catch (const std::invalid_argument& fault) {
      fail("--time-zone", fault.what());
    }
    // Redis names may hold any byte, but a line break or blank here is a mistake of quoting.
    if (config_.topic_prefix.find_first_of(" \t\r\n") != std::string::npos)
      fail("--topic-prefix", "must not hold blanks");
  }

  void relations() {
    if (usable("--idle-timeout", "--ping-interval") && config_.idle_timeout <= config_.ping_interval)
      fail("--idle-timeout", show_duration(config_.idle_timeout) + " must be longer than the ping interval (" +
                                 show_duration(config_.ping_interval) + ", " + context_.where("--ping-interval") + ")");
    if (usable("--conflate-above", "--close-above") && config_.conflate_above >= config_.close_above)
      fail("--conflate-above", show_size(config_.conflate_above) + " must be less than close-above (" +
                                   show_size(config_.close_above) + ", " + context_.where("--close-above") + ")");
    if (usable("--close-above", "--max-bus-payload") && config_.max_bus_payload >= config_.close_above)
      fail("--max-bus-payload", show_size(config_.max_bus_payload) + " must be less than close-above (" +
                                    show_size(config_.close_above) + ", " + context_.where("--close-above") +
                                    "), else one event would end a session");
    // Twice as much is there for a client whose live samples have waited.
    if (usable("--close-above", "--resume-bytes") && 2 * config_.resume_bytes >= config_.close_above)
      fail("--resume-bytes", show_size(config_.resume_bytes) + " must be less than half of close-above (" +
                                 show_size(config_.close_above) + ", " + context_.where("--close-above") +
                                 "), else what a client missed would end its session");
    if (usable("--resume-bytes", "--resume-memory") && config_.resume_bytes > config_.resume_memory)
      fail("--resume-bytes", show_size(config_.resume_bytes) + " must be at most resume-memory (" +
                                 show_size(config_.resume_memory) + ", " + context_.where("--resume-memory") + ")");
  }

  void tokens() {
    // Whoever sets one of these believes that nobody comes in without a token.
    const std::pair<const char*, bool> wants_a_key[] = {
        {"--jwt-require", !config_.jwt_required.empty()},
        {"--jwt-require-devices", config_.jwt_require_devices},
        {"--jwt-issuer", !config_.jwt_issuers.empty()},
        {"--jwt-audience", !config_.jwt_audiences.empty()},
        {"--revocation-file", !config_.revocation_file.empty()},
        {"--auth", config_.auth == "jwt"},
        {"--max-connections-per-subject", config_.max_connections_per_subject > 0}};
    if (config_.jwt_keys.empty() && config_.auth != "none")
      for (const auto& [flag, given] : wants_a_key)
        if (given && usable("--jwt-key")) fail(flag, "needs a --jwt-key to check tokens with");
    if (config_.jwt_keys.size() > access::kMaxTokenKeys)
      fail("--jwt-key", "may be given " + std::to_string(access::kMaxTokenKeys) + " times at most");
    for (const std::string& each : config_.jwt_keys) key(split_key_option(each).second);
    if (!config_.revocation_file.empty()) revocations();
  }

  void revocations() {
    std::string error;
    const auto text = context_.read_file(config_.revocation_file, error);
    if (text && !access::Revocations::parse(*text)) {
      fail("--revocation-file", config_.revocation_file + " is no list of names");
    } else if (!text && error != kFileTooLarge) {  // the server reads larger ones
      fail("--revocation-file", "cannot read " + config_.revocation_file + ": " + error);
    }
  }

  void key(const std::string& path) {
    std::string error;
    const auto content = context_.read_file(path, error);
    if (!content) return fail("--jwt-key", "cannot read " + path + ": " + error);
    if (!access::parse_token_key(*content, error)) fail("--jwt-key", path + " " + error);
  }

  const CheckContext& context_;
  const Config& config_;
  std::vector<std::string> errors_;
};

bool loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.compare(0, 4, "127.") == 0;
}

// Variables that are nobody's but look like one of ours. Others are left alone: Kubernetes puts PULSEGATE_PORT and the
// like into the environment of every pod that can see a service called `pulsegate`.
std::vector<std::string> odd_variables(const Environment& environment) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : environment) {
    const Option* near = nullptr;
    bool known = name == "PULSEGATE_CONFIG" || name == "PULSEGATE_TOKEN";
    for (const Option& option : option_table()) {
      const std::size_t distance = edit_distance(name, option.variable());
      known = known || distance == 0;
      if (distance <= 2) near = &option;
    }
    if (!known && near != nullptr) warnings.push_back(name + " is not read; did you mean " + near->variable() + "?");
  }
  return warnings;
}

}  // namespace

std::vector<std::string> cross_checks(const CheckContext& context) {
  return Checks(context).run();
}

std::vector<std::string> config_warnings(const CheckContext& context, const Environment& environment) {
  std::vector<std::string> warnings = odd_variables(environment);
  if (!loopback(context.config.admin.host))
    warnings.push_back(context.where("--admin") + ": " + show_address(context.config.admin) +
                       " can be reached from other hosts, and nobody is asked for a password there");
  for (const std::string& network : context.config.trusted_proxies)
    if (network.size() > 2 && network.compare(network.size() - 2, 2, "/0") == 0)
      warnings.push_back(context.where("--trusted-proxy") + ": " + network +
                         " lets every client say that it is somebody else");
  if (context.config.auth == "none" && !context.config.jwt_keys.empty())
    warnings.push_back(context.where("--auth") + ": none lets everybody in, although there is a --jwt-key");
  return warnings;
}

std::string redacted_redis(const std::string& url) {
  std::string error;
  const auto parsed = bus::parse_redis_url(url, error);
  return parsed ? parsed->redacted() : "(not shown)";
}

std::string redacted_database(const std::string& connection) {
  return connection == "none" ? connection : storage::redacted_connection_string(connection);
}

}  // namespace pulsegate::commands
