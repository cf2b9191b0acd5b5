// See contract.hpp.
#include "tests/support/contract.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "tests/support/run_results.hpp"

namespace pulsegate::test {
namespace {

namespace fs = std::filesystem;
using Allocator = rapidjson::Document::AllocatorType;

constexpr const char* kFolders[] = {"client", "server", "http", "bus"};

// What tests publish under names that are not the protocol's: broadcasts, and channels that an operator passes through.
// A name that is missing here fails the test that receives it, as would a `type` that a serializer has misspelt.
const std::map<std::string, std::string, std::less<>> kOwnTypes = {
    {"logs", "pass-through"}, {"maintenance", "broadcast"}, {"hello", "broadcast"}, {"x", "broadcast"}};

std::string folder(Side side) {
  return kFolders[static_cast<std::size_t>(side)];
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

// All files, and every `$ref` in the place of which the schema itself is put: the library reads references to other
// files wrongly.
class Schemas {
 public:
  Schemas() : root_(fs::path(PULSEGATE_SOURCE_DIR) / "proto/schemas") {
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      if (entry.path().extension() == ".json") load(entry.path());
    for (const auto& [path, document] : files_) {
      const std::string name = path.substr(0, path.size() - std::string_view(".json").size());
      if (name.find('/') == std::string::npos) continue;
      rapidjson::Document whole;
      whole.CopyFrom(*document, whole.GetAllocator());
      resolve(whole, path, whole.GetAllocator());
      compiled_.emplace(name, std::make_unique<rapidjson::SchemaDocument>(whole));
    }
    for (const Side side : {Side::client, Side::server, Side::http, Side::bus}) {
      const std::string prefix = folder(side) + "/";
      for (const auto& each : compiled_)
        if (each.first.compare(0, prefix.size(), prefix) == 0)
          names_[folder(side)].push_back(each.first.substr(prefix.size()));
    }
  }

  const rapidjson::SchemaDocument* find(const std::string& name) const {
    const auto found = compiled_.find(name);
    return found == compiled_.end() ? nullptr : found->second.get();
  }
  const rapidjson::Document& file(const std::string& path) const {
    const auto found = files_.find(path);
    if (found == files_.end()) throw std::invalid_argument("the contract has no file " + path);
    return *found->second;
  }
  const std::vector<std::string>& names(Side side) const { return names_.at(folder(side)); }

 private:
  void load(const fs::path& path) {
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto document = std::make_unique<rapidjson::Document>();
    if (document->Parse(text.data(), text.size()).HasParseError())
      throw std::runtime_error(path.string() + " is not JSON");
    files_.emplace(path.lexically_relative(root_).generic_string(), std::move(document));
  }

  // No schema refers to itself, so this ends.
  void resolve(rapidjson::Value& value, const std::string& file, Allocator& allocator) const {
    if (value.IsArray())
      for (auto& each : value.GetArray()) resolve(each, file, allocator);
    if (!value.IsObject()) return;
    const auto ref = value.FindMember("$ref");
    if (ref == value.MemberEnd()) {
      for (auto& member : value.GetObject()) resolve(member.value, file, allocator);
      return;
    }
    const std::string target(ref->value.GetString(), ref->value.GetStringLength());
    const std::size_t hash = std::min(target.find('#'), target.size());
    const std::string where =
        hash == 0 ? file : (fs::path(file).parent_path() / target.substr(0, hash)).lexically_normal().generic_string();
    const rapidjson::Pointer pointer(hash < target.size() ? target.c_str() + hash : "");
    const rapidjson::Value* meant = pointer.Get(this->file(where));
    if (meant == nullptr) throw std::runtime_error(file + " refers to " + target + ", which is not there");
    rapidjson::Value copy(*meant, allocator);
    resolve(copy, where, allocator);
    value = copy;
  }

  const fs::path root_;
  std::map<std::string, std::unique_ptr<rapidjson::Document>> files_;  // by path below proto/schemas
  std::map<std::string, std::unique_ptr<rapidjson::SchemaDocument>> compiled_;
  std::map<std::string, std::vector<std::string>> names_;
};

const Schemas& schemas() {
  static const Schemas all;
  return all;
}

// What has been seen, until the process ends. Thread: any.
class Seen {
 public:
  void add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.insert(name);
    recent_.insert(name);
  }
  std::set<std::string> recent() const {
    const std::lock_guard lock(mutex_);
    return recent_;
  }
  void begin() {
    const std::lock_guard lock(mutex_);
    recent_.clear();
  }
  ~Seen() {
    if (names_.empty()) return;
    std::string never;
    std::size_t all = 0;
    for (const Side side : {Side::client, Side::server, Side::http})
      for (const std::string& name : contract_all(side)) {
        ++all;
        if (names_.count(name) == 0) never += (never.empty() ? "; never: " : ", ") + name;
      }
    record_result("contract", fs::read_symlink("/proc/self/exe").filename().string(),
                  std::to_string(names_.size()) + " of " + std::to_string(all) + " messages and bodies seen" + never);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> names_;   // since the process began
  std::set<std::string> recent_;  // since begin()
};

Seen& seen() {
  schemas();  // it is asked when the process ends, so it must end later
  static Seen all;
  return all;
}

std::string error_of(const std::string& name, const rapidjson::Value& value) {
  const rapidjson::SchemaDocument* schema = schemas().find(name);
  if (schema == nullptr) throw std::invalid_argument("the contract has no schema " + name);
  // The library's regular expressions keep the state of a search in themselves, whoever searches.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  rapidjson::SchemaValidator validator(*schema);
  if (value.Accept(validator)) return {};
  rapidjson::StringBuffer at, rule;
  validator.GetInvalidDocumentPointer().StringifyUriFragment(at);
  validator.GetInvalidSchemaPointer().StringifyUriFragment(rule);
  return name + ".json: " + at.GetString() + " breaks " + rule.GetString() + " \"" +
         validator.GetInvalidSchemaKeyword() + "\"";
}

bool parse(rapidjson::Document& document, std::string_view text) {
  // Numbers are only looked at, and a lone surrogate, which verbatim parts may hold, is no matter of the contract.
  return !document.Parse(text.data(), text.size()).HasParseError() ||
         document.GetParseError() == rapidjson::kParseErrorStringUnicodeSurrogateInvalid;
}

[[noreturn]] void fail(const std::string& what, std::string_view text) {
  throw std::runtime_error("against the contract: " + what + " in " + std::string(text.substr(0, 1000)));
}

// Of whatever it is: its schema's name is `side`/`type`.
void check(Side side, std::string_view text) {
  rapidjson::Document document;
  if (!parse(document, text)) fail("not JSON", text);
  if (document.HasParseError()) return;
  const auto type = document.IsObject() ? document.FindMember("type") : rapidjson::Value::MemberIterator();
  if (!document.IsObject() || type == document.MemberEnd() || !type->value.IsString()) fail("no \"type\"", text);
  std::string name = folder(side) + "/" + type->value.GetString();
  if (side == Side::server) {
    const auto own = kOwnTypes.find(type->value.GetString());
    if (own != kOwnTypes.end()) name = "server/" + own->second;
  }
  if (schemas().find(name) == nullptr) fail("there is no message " + name, text);
  const std::string error = error_of(name, document);
  if (!error.empty()) fail(error, text);
  seen().add(name);
}

}  // namespace

std::string contract_error(Side side, const std::string& name, std::string_view text) {
  rapidjson::Document document;
  if (document.Parse(text.data(), text.size()).HasParseError()) return "not JSON";
  return error_of(folder(side) + "/" + name, document);
}

const std::vector<std::string>& contract_names(Side side) {
  return schemas().names(side);
}

std::vector<std::string> contract_examples(Side side, const std::string& name) {
  std::vector<std::string> examples;
  const rapidjson::Document& schema = schemas().file(folder(side) + "/" + name + ".json");
  if (schema.HasMember("examples"))
    for (const auto& each : schema["examples"].GetArray()) examples.push_back(text_of(each));
  return examples;
}

std::string contract_part(const std::string& file, const std::string& pointer) {
  const rapidjson::Value* part = rapidjson::Pointer(pointer.c_str(), pointer.size()).Get(schemas().file(file));
  if (part == nullptr) throw std::invalid_argument(file + " has no " + pointer);
  return text_of(*part);
}

void check_server_message(std::string_view text) {
  check(Side::server, text);
}

void check_command(std::string_view text) {
  check(Side::client, text);
}

void check_http_body(std::string_view target, int status, std::string_view content_type, std::string_view body) {
  if (content_type.substr(0, 16) != "application/json") return;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view leaf = path.substr(path.rfind('/') + 1);
  std::string name;
  if (status >= 400) name = "error";
  if (status == 200 && (leaf == "snapshot" || leaf == "history")) name = leaf;
  if (name.empty()) return;
  const std::string error = contract_error(Side::http, name, body);
  if (!error.empty()) fail(error, body);
  seen().add("http/" + name);
}

std::set<std::string> contract_seen() {
  return seen().recent();
}

void contract_begin() {
  seen().begin();
}

std::set<std::string> contract_all(Side side) {
  std::set<std::string> all;
  for (const std::string& name : contract_names(side)) all.insert(folder(side) + "/" + name);
  return all;
}

}  // namespace pulsegate::test
