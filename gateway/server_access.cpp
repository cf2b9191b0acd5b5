#include "gateway/server_access.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "gateway/log.hpp"

namespace pulsegate {
namespace {

constexpr std::size_t kMaxKeyFile = 64 * 1024;
constexpr std::size_t kMaxRevocations = 64 * 1024 * 1024;
constexpr std::int64_t kSettled = 500'000'000;  // ns

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::int64_t wall_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool read_file(const std::string& path, std::size_t max_bytes, std::string& content, std::string& error) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  content.clear();
  char block[16 * 1024];
  while (file && content.size() <= max_bytes) {
    file.read(block, sizeof block);
    content.append(block, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) {
    error = errno != 0 ? std::generic_category().message(errno) : "it is not a file that can be read";
  } else if (content.size() > max_bytes) {
    error = "it is too large";
  } else {
    return true;
  }
  return false;
}

}  // namespace

bool WatchedFile::Stamp::operator==(const Stamp& other) const noexcept {
  return device == other.device && inode == other.inode && size == other.size && modified == other.modified &&
         changed == other.changed;
}

WatchedFile::Look WatchedFile::look(std::string& content, std::string& error, bool at_once) {
  const auto fail = [this] {
    seen_.reset();
    // Told once, until it can be read again.
    return std::exchange(failed_, true) ? Look::same : Look::unreadable;
  };
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    error = std::generic_category().message(errno);
    return fail();
  }
  const Stamp stamp{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                    nanoseconds(status.st_ctim)};
  if (seen_ && *seen_ == stamp) return Look::same;
  const std::int64_t age = wall_nanoseconds() - stamp.modified;
  if (!at_once && age >= 0 && age < kSettled) return Look::same;
  if (!S_ISREG(status.st_mode)) {
    error = "it is no file";
    return fail();
  }
  if (!read_file(path_, max_bytes_, content, error)) return fail();
  seen_ = stamp;
  failed_ = false;
  return Look::changed;
}

AccessFiles::AccessFiles(const Config& config) : config_(config) {
  rules_.issuers = config.jwt_issuers;
  rules_.audiences = config.jwt_audiences;
  for (const std::string& each : config.jwt_required) {
    const std::size_t equals = each.find('=');
    rules_.required.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  rules_.require_devices = config.jwt_require_devices;
  rules_.leeway = config.jwt_leeway;
  rules_.subject_claim = config.jwt_subject_claim;
  rules_.devices_claim = config.jwt_devices_claim;
  rules_.channels_claim = config.jwt_channels_claim;
  rules_.scope_claim = config.jwt_scope_claim;
  if (asks_for_tokens(config)) {
    for (const std::string& each : config.jwt_keys) {
      auto [id, path] = split_key_option(each);
      KeyFile key{std::move(id), WatchedFile(path, kMaxKeyFile), {}};
      std::string content, error;
      if (key.file.look(content, error, true) != WatchedFile::Look::changed)
        throw std::runtime_error("cannot read the key " + path + ": " + error);
      auto parsed = access::parse_token_key(content, error);
      if (!parsed) throw std::runtime_error("the key " + path + " " + error);
      key.key = std::move(*parsed);
      key.key.id = key.id;
      keys_.push_back(std::move(key));
    }
    if (!config.revocation_file.empty()) {
      revocations_.emplace(config.revocation_file, kMaxRevocations);
      std::string content, error;
      if (revocations_->look(content, error, true) != WatchedFile::Look::changed)
        throw std::runtime_error("cannot read the revocations " + config.revocation_file + ": " + error);
      auto parsed = access::Revocations::parse(content);
      if (!parsed) throw std::runtime_error("the revocations " + config.revocation_file + " are no list of names");
      revoked_ = std::make_shared<const access::Revocations>(std::move(*parsed));
    }
  }
  make_policy();
}

bool AccessFiles::poll() {
  bool changed = false;
  for (KeyFile& each : keys_) changed = poll_key(each) || changed;
  changed = poll_revocations() || changed;
  if (changed) make_policy();
  return changed;
}

bool AccessFiles::poll_key(KeyFile& each) {
  std::string content, error;
  const WatchedFile::Look look = each.file.look(content, error);
  if (look == WatchedFile::Look::same) return false;
  auto parsed = look == WatchedFile::Look::changed ? access::parse_token_key(content, error) : std::nullopt;
  if (!parsed) {
    ++reloads_.keys_failed;
    log::error(
        "auth.key-broken",
        {{"file", each.file.path()}, {"reason", error}, {"note", "the key from before stays in force; mend the file"}});
    return false;
  }
  each.key = std::move(*parsed);
  each.key.id = each.id;
  ++reloads_.keys;
  log::info("auth.key-loaded", {{"file", each.file.path()}, {"kid", each.id}});
  return true;
}

bool AccessFiles::poll_revocations() {
  if (!revocations_) return false;
  std::string content, error;
  const WatchedFile::Look look = revocations_->look(content, error);
  if (look == WatchedFile::Look::same) return false;
  auto parsed = look == WatchedFile::Look::changed ? access::Revocations::parse(content) : std::nullopt;
  if (!parsed) {
    ++reloads_.revocations_failed;
    log::error("auth.revocations-broken", {{"file", revocations_->path()},
                                           {"reason", error.empty() ? "it is no list of names" : error},
                                           {"note", "the list from before stays in force; mend the file"}});
    return false;
  }
  revoked_ = std::make_shared<const access::Revocations>(std::move(*parsed));
  ++reloads_.revocations;
  log::info("auth.revocations-loaded", {{"file", revocations_->path()}, {"entries", revoked_->size()}});
  return true;
}

void AccessFiles::make_policy() {
  auto policy = std::make_shared<access::Policy>();
  policy->origins = access::OriginList(config_.allowed_origins);
  policy->hosts = access::HostList(config_.allowed_hosts);
  if (!keys_.empty()) {
    std::vector<access::TokenKey> keys;
    for (const KeyFile& each : keys_) keys.push_back(each.key);
    policy->verifier = std::make_shared<const access::TokenVerifier>(std::move(keys), rules_, revoked_);
  }
  policy_ = std::move(policy);
}

std::pair<std::string, std::string> split_key_option(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || text.find('/') < equals) return {{}, text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bool asks_for_tokens(const Config& config) {
  return config.auth != "none" && !config.jwt_keys.empty();
}

}  // namespace pulsegate
