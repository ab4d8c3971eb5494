#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <arrow/result.h>
#include <nlohmann/json.hpp>

namespace larnax::store {

/// Reads the fields of one JSON object strictly; every error is kCorrupt and names file and field.
/// Borrows the object and the path.
class JsonFields {
 public:
  /// \param where  Place of the object within the file, for errors: `files[3]`.
  JsonFields(const nlohmann::json& object, const std::string& path, std::string where)
      : object_(object), path_(path), where_(std::move(where)) {}

  arrow::Result<int64_t> Integer(std::string_view field, int64_t min = 0,
                                 int64_t max = std::numeric_limits<int64_t>::max()) const;
  arrow::Result<std::string> String(std::string_view field) const;
  /// A CRC-32C as eight hexadecimal digits.
  arrow::Result<uint32_t> Crc(std::string_view field) const;
  arrow::Result<const nlohmann::json*> Array(std::string_view field) const;
  arrow::Result<const nlohmann::json*> Object(std::string_view field) const;
  bool Has(std::string_view field) const { return object_.contains(field); }
  /// nullptr where the field is null; an error where it is missing.
  arrow::Result<const nlohmann::json*> Find(std::string_view field) const;

  arrow::Status Wrong(std::string_view field, std::string_view what) const;
  const std::string& path() const { return path_; }

 private:
  const nlohmann::json& object_;
  const std::string& path_;
  std::string where_;
};

/// Print a checksum as Crc() reads it.
std::string CrcText(uint32_t crc32c);

/// Close a JSON object whose text so far is `{` and fields that each end in a comma: append its
/// own checksum as the last field, on a line of its own.
void SealJson(std::string* text);
/// Check a text that SealJson closed, and parse it.
///
/// \retval kCorrupt Any byte differs from what was written.
arrow::Result<nlohmann::json> OpenSealedJson(std::string_view text, const std::string& path);

}  // namespace larnax::store
