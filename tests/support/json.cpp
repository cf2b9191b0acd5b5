// See json.hpp.
#include "tests/support/json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <ostream>
#include <stdexcept>

namespace pulsegate::test {
namespace {

rapidjson::Value::StringRefType reference(std::string_view text) {
  return {text.data(), static_cast<rapidjson::SizeType>(text.size())};
}

}  // namespace

Json Json::parse(std::string_view text) {
  auto document = std::make_shared<rapidjson::Document>();
  document->Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  if (document->HasParseError()) {
    throw std::runtime_error(std::string("not JSON (") + rapidjson::GetParseError_En(document->GetParseError()) +
                             "): " + std::string(text.substr(0, 500)));
  }
  const rapidjson::Value* root = document.get();
  return {std::move(document), root};
}

void Json::fail(const std::string& wanted) const {
  throw std::runtime_error("no " + wanted + " in " + text().substr(0, 500));
}

std::string Json::type() const {
  return is_object() && has("type") && at("type").is_string() ? at("type").string() : std::string();
}

bool Json::has(std::string_view key) const {
  return is_object() && value_->FindMember(rapidjson::Value(reference(key))) != value_->MemberEnd();
}

Json Json::at(std::string_view key) const {
  if (!has(key)) fail("member \"" + std::string(key) + "\"");
  return {document_, &value_->FindMember(rapidjson::Value(reference(key)))->value};
}

Json Json::at(std::size_t index) const {
  if (!is_array() || index >= value_->Size()) fail("element " + std::to_string(index));
  return {document_, &(*value_)[static_cast<rapidjson::SizeType>(index)]};
}

std::size_t Json::size() const {
  if (is_array()) return value_->Size();
  if (!is_object()) fail("array or object");
  return value_->MemberCount();
}

std::vector<std::string> Json::keys() const {
  if (!is_object()) fail("object");
  std::vector<std::string> result;
  for (const auto& member : value_->GetObject()) {
    result.emplace_back(member.name.GetString(), member.name.GetStringLength());
  }
  return result;
}

std::string Json::string() const {
  if (!is_string()) fail("string");
  return {value_->GetString(), value_->GetStringLength()};
}

double Json::number() const {
  if (!is_number()) fail("number");
  return value_->GetDouble();
}

std::int64_t Json::integer() const {
  if (!value_->IsInt64()) fail("integer");
  return value_->GetInt64();
}

bool Json::boolean() const {
  if (!value_->IsBool()) fail("boolean");
  return value_->GetBool();
}

std::string Json::text() const {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value_->Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::ostream& operator<<(std::ostream& out, const Json& json) {
  return out << json.text();
}

}  // namespace pulsegate::test
