// The rows of the option table about how Redis is reached.
#include <utility>

#include "gateway/commands/option_table.hpp"

namespace pulsegate::commands {
namespace {

Option row(const char* flag, const char* metavar, OptionAccess access, const char* example, const char* help,
           const char* manual) {
  return option_row("Redis", flag, metavar, std::move(access), help, manual, example);
}

}  // namespace

void add_redis_rows(std::vector<Option>& rows) {
  rows.push_back(row("--redis-sharded", "SWITCH", option_switch(&Config::redis_sharded), "",
                     "on: the publisher uses SPUBLISH, so subscribe with SSUBSCRIBE",
                     "With redis-cluster:// only, and Redis 7. Each channel then costs only the node that holds its "
                     "slot. There are no patterns in sharded pub/sub, so all devices at once cannot be recorded."));
  rows.push_back(row("--redis-ca", "FILE", option_text(&Config::redis_ca), "/etc/pulsegate/redis-ca.crt",
                     "CA certificates (PEM) that may have signed that of Redis",
                     "For rediss:// and its like. Without it the system's CAs count. The files of redis-ca, redis-cert "
                     "and redis-key are read anew for each connection: renewed ones need no restart."));
  rows.push_back(row("--redis-cert", "FILE", option_text(&Config::redis_cert), "/etc/pulsegate/redis-client.crt",
                     "Client certificate (PEM, with its chain) for Redis", "For servers with tls-auth-clients."));
  rows.push_back(row("--redis-key", "FILE", option_text(&Config::redis_key), "/etc/pulsegate/redis-client.key",
                     "Key (PEM, without a passphrase) of the client certificate", ""));
  rows.push_back(row("--redis-server-name", "NAME", option_text(&Config::redis_server_name), "redis.example.org",
                     "Name that the certificate of Redis must hold, and SNI",
                     "Without it the host of the URL. Sentinels and clusters name their nodes by address: where their "
                     "certificates hold a common name instead, say it here."));
}

}  // namespace pulsegate::commands
