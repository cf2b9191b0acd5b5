// The files that say who may come in: keys and revocations. Read at the start, and again when they change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "gateway/access/gate.hpp"
#include "gateway/access/revocations.hpp"
#include "gateway/access/token_key.hpp"
#include "gateway/config.hpp"
#include "gateway/ops/control.hpp"

namespace pulsegate {

// One file that somebody may replace: by writing it, by renaming another one onto it, or by turning a symbolic link (as
// Kubernetes does with secrets). Thread: one.
class WatchedFile {
 public:
  WatchedFile(std::string path, std::size_t max_bytes) : path_(std::move(path)), max_bytes_(max_bytes) {}

  // The content, when it is another file, size or time than at the last call; `error` when that cannot be read. What
  // was written less than half a second ago may still be being written, and waits for a later call (unless `at_once`).
  enum class Look { same, changed, unreadable };
  Look look(std::string& content, std::string& error, bool at_once = false);
  const std::string& path() const noexcept { return path_; }

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    std::int64_t modified = 0, changed = 0;  // ns
    bool operator==(const Stamp& other) const noexcept;
  };

  const std::string path_;
  const std::size_t max_bytes_;
  std::optional<Stamp> seen_;  // nullopt: not read yet, or unreadable
  bool failed_ = false;
};

// Thread: main.
class AccessFiles {
 public:
  // Reads all of them; throws std::runtime_error with one sentence for the operator where that fails.
  explicit AccessFiles(const Config& config);

  const access::PolicyPtr& policy() const noexcept { return policy_; }
  // Looks for changes. True: there is a new policy. What cannot be read or understood leaves that file's last good
  // content in force, and is logged once, as an error.
  bool poll();
  bool empty() const noexcept { return keys_.empty() && !revocations_; }
  const ops::AccessReloads& reloads() const noexcept { return reloads_; }

 private:
  struct KeyFile {
    std::string id;
    WatchedFile file;
    access::TokenKey key;
  };
  bool poll_key(KeyFile& each);
  bool poll_revocations();
  void make_policy();

  const Config& config_;
  access::TokenRules rules_;
  std::vector<KeyFile> keys_;
  std::optional<WatchedFile> revocations_;
  std::shared_ptr<const access::Revocations> revoked_;  // null: none
  access::PolicyPtr policy_;
  ops::AccessReloads reloads_;
};

// "KID=FILE" or "FILE": what stands before the first '=' is an id unless it has a slash.
std::pair<std::string, std::string> split_key_option(const std::string& text);
// Whether clients need a token.
bool asks_for_tokens(const Config& config);

}  // namespace pulsegate
