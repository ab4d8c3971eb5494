#include "store/manifest/json_fields.h"

#include <cstdio>
#include <span>

#include "base/crc32c.h"
#include "larnax/error.h"

namespace larnax::store {
namespace {

constexpr std::string_view kSealStart = "\"crc32c\":\"";
constexpr std::string_view kSealEnd = "\"}\n";
constexpr size_t kCrcDigits = 8;
constexpr size_t kSealBytes = kSealStart.size() + kCrcDigits + kSealEnd.size();

uint32_t CrcOf(std::string_view text) {
  return base::Crc32c(0, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

arrow::Status Corrupt(const std::string& path, std::string_view what) {
  return MakeError(ErrorKind::kCorrupt,
                   "The manifest is damaged: " + std::string(what) + ". path=" + path);
}

}  // namespace

arrow::Status JsonFields::Wrong(std::string_view field, std::string_view what) const {
  std::string name = where_;
  if (!name.empty()) name += '.';
  name += field;
  return Corrupt(path_, "field " + name + " " + std::string(what));
}

arrow::Result<const nlohmann::json*> JsonFields::Find(std::string_view field) const {
  if (!object_.is_object()) return Wrong("", "is not an object");
  const auto found = object_.find(std::string(field));
  if (found == object_.end()) return Wrong(field, "is missing");
  return found->is_null() ? nullptr : &*found;
}

arrow::Result<int64_t> JsonFields::Integer(std::string_view field, int64_t min, int64_t max) const {
  ARROW_ASSIGN_OR_RAISE(const auto* value, Find(field));
  if (value == nullptr || !value->is_number_integer()) return Wrong(field, "is not an integer");
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Wrong(field, "is out of bounds");
  }
  const auto number = value->get<int64_t>();
  if (number < min || number > max) return Wrong(field, "is out of bounds");
  return number;
}

arrow::Result<std::string> JsonFields::String(std::string_view field) const {
  ARROW_ASSIGN_OR_RAISE(const auto* value, Find(field));
  if (value == nullptr || !value->is_string()) return Wrong(field, "is not a string");
  return value->get<std::string>();
}

arrow::Result<uint32_t> JsonFields::Crc(std::string_view field) const {
  ARROW_ASSIGN_OR_RAISE(const std::string text, String(field));
  if (text.size() != kCrcDigits) return Wrong(field, "is not a checksum");
  uint32_t crc = 0;
  for (const char c : text) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a') + 10;
    } else {
      return Wrong(field, "is not a checksum");
    }
    crc = crc << 4 | digit;
  }
  return crc;
}

arrow::Result<const nlohmann::json*> JsonFields::Array(std::string_view field) const {
  ARROW_ASSIGN_OR_RAISE(const auto* value, Find(field));
  if (value == nullptr || !value->is_array()) return Wrong(field, "is not an array");
  return value;
}

arrow::Result<const nlohmann::json*> JsonFields::Object(std::string_view field) const {
  ARROW_ASSIGN_OR_RAISE(const auto* value, Find(field));
  if (value == nullptr || !value->is_object()) return Wrong(field, "is not an object");
  return value;
}

std::string CrcText(uint32_t crc32c) {
  char text[kCrcDigits + 1];
  std::snprintf(text, sizeof text, "%08x", crc32c);
  return text;
}

void SealJson(std::string* text) {
  const uint32_t crc = CrcOf(*text);
  text->append(kSealStart).append(CrcText(crc)).append(kSealEnd);
}

arrow::Result<nlohmann::json> OpenSealedJson(std::string_view text, const std::string& path) {
  if (text.size() < kSealBytes) return Corrupt(path, "it is too short");
  const std::string_view body = text.substr(0, text.size() - kSealBytes);
  const std::string_view seal = text.substr(body.size());
  if (!seal.starts_with(kSealStart) || !seal.ends_with(kSealEnd)) {
    return Corrupt(path, "its last line is not a checksum");
  }
  if (seal.substr(kSealStart.size(), kCrcDigits) != CrcText(CrcOf(body))) {
    return Corrupt(path, "its checksum does not match");
  }
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return Corrupt(path, "it is not JSON");
  return json;
}

}  // namespace larnax::store
