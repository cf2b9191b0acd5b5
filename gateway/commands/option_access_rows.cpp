// The rows of the option table about who may come in.
#include <utility>

#include "gateway/access/origins.hpp"
#include "gateway/commands/option_table.hpp"

namespace pulsegate::commands {
namespace {

constexpr const char* kGroup = "Access";

std::string anything(std::string_view) {
  return {};
}

std::string check_pair(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()
             ? "must be CLAIM=VALUE, for instance tenant=acme"
             : "";
}

OptionAccess claim_name(std::string Config::*field) {
  OptionAccess access = option_text(field);
  access.apply = [field](Config& config, std::string_view value) -> std::string {
    if (value.empty()) return "must not be empty";
    config.*field = std::string(value);
    return {};
  };
  return access;
}

Option row(const char* flag, const char* metavar, OptionAccess access, const char* help, const char* manual = "",
           const char* example = "") {
  return option_row(kGroup, flag, metavar, std::move(access), help, manual, example);
}

void add_tokens(std::vector<Option>& rows) {
  rows.push_back(
      row("--auth", "MODE", option_word(&Config::auth, {"none", "jwt"}), "Whether clients need a token: none or jwt",
          "Without it: jwt where there is a jwt-key, else nobody does, which is warned of at every start. none "
          "says that this is meant, also where there are keys.",
          "jwt"));
  rows.push_back(as_list(row(
      "--jwt-key", "[KID=]FILE", option_texts(&Config::jwt_keys, anything), "Key that signs tokens; may be repeated",
      "A public key in PEM (RSA from 2048 bits on: RS256; EC on P-256: ES256), else the bytes of a "
      "secret, 32 at least, of which one newline at the end is dropped (HS256, HS384, HS512). A key "
      "with a KID is for tokens whose header names it, and for those that name none. Read again when "
      "the file changes; a broken one leaves the key from before in force.",
      "/run/secrets/jwt.pem")));
  rows.push_back(as_list(row("--jwt-issuer", "NAME", option_texts(&Config::jwt_issuers, anything),
                             "What `iss` of a token must be; may be repeated; empty: not looked at", "",
                             "https://login.example")));
  rows.push_back(
      as_list(row("--jwt-audience", "NAME", option_texts(&Config::jwt_audiences, anything),
                  "What `aud` of a token must be or hold; may be repeated; empty: not looked at", "", "pulsegate")));
  rows.push_back(
      as_list(row("--jwt-require", "CLAIM=VALUE", option_texts(&Config::jwt_required, check_pair),
                  "Claim that a token must have, with this value or in an array that holds it; may be repeated", "",
                  "tenant=acme")));
  rows.push_back(row("--jwt-require-devices", "SWITCH", option_switch(&Config::jwt_require_devices),
                     "Refuse tokens without the devices claim: on or off",
                     "With off such a token may watch every device."));
  rows.push_back(row("--jwt-leeway", "DURATION", option_duration(&Config::jwt_leeway, Millis(0), Millis(600'000)),
                     "How far the issuer's clock may differ, for `exp` and `nbf`",
                     "A token holds for so much longer than it says, also on an open connection."));
}

void add_claims(std::vector<Option>& rows) {
  rows.push_back(row("--jwt-subject-claim", "CLAIM", claim_name(&Config::jwt_subject_claim),
                     "Claim that says whose the token is", "For the audit log, for revocations and for limits."));
  rows.push_back(row("--jwt-devices-claim", "CLAIM", claim_name(&Config::jwt_devices_claim),
                     "Claim that lists the devices which may be watched: UUIDs, or \"*\"",
                     "A token without it may watch all, unless jwt-require-devices is on."));
  rows.push_back(row("--jwt-channels-claim", "CLAIM", claim_name(&Config::jwt_channels_claim),
                     "Claim that lists the channels which may be subscribed, or \"*\"",
                     "A token without it may subscribe all."));
  rows.push_back(row("--jwt-scope-claim", "CLAIM", claim_name(&Config::jwt_scope_claim),
                     "Claim with the words that give further rights: debug"));
  rows.push_back(
      row("--jwt-check-rate", "N", option_real(&Config::jwt_check_rate, 0, 1'000'000),
          "Signatures that a shard checks with public keys a second, and at once; 0: no limit",
          "Each takes some 0.3 ms of the thread that also delivers. Beyond it newcomers get 503, or 1013, and "
          "come back. What a shard has found good lately costs nothing, and secrets next to nothing."));
  rows.push_back(
      row("--revocation-file", "FILE", option_text(&Config::revocation_file),
          "File with tokens and subjects that are no good any more",
          "One a line: jti:ID, sub:SUBJECT, or either by itself; # begins a comment line. Read again when it "
          "changes; connections of whoever stands in it are closed. Replace it by renaming.",
          "/etc/pulsegate/revoked"));
}

void add_origins(std::vector<Option>& rows) {
  rows.push_back(
      as_list(row("--allowed-origin", "ORIGIN", option_texts(&Config::allowed_origins, access::check_origin),
                  "Origin of pages that may connect; may be repeated; empty: any",
                  "Against pages of others that use their visitors' network or tokens. Scheme, name and port as "
                  "browsers send them, https://*.example for every name below example. Clients that are no "
                  "browsers send no Origin and are not held up.",
                  "https://dash.example")));
  rows.push_back(
      as_list(row("--allowed-host", "HOST", option_texts(&Config::allowed_hosts, access::check_host),
                  "Host by which clients may call this gateway; may be repeated; empty: any",
                  "Against names of others that are made to resolve to this address (DNS rebinding): worth it "
                  "where the gateway is reachable without a token. Without a port any port will do.",
                  "dash.example")));
}

}  // namespace

void add_access_rows(std::vector<Option>& rows) {
  add_tokens(rows);
  add_claims(rows);
  add_origins(rows);
}

}  // namespace pulsegate::commands
