#include "cli/serve/config_file.h"

#include <fstream>
#include <set>

#include <yaml-cpp/yaml.h>

#include "larnax/error.h"

namespace larnax::cli {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

arrow::Status BadConfig(const std::string& source, const YAML::Mark& mark,
                        const std::string& problem) {
  return MakeError(ErrorKind::kBadQuery,
                   source + ":" + std::to_string(mark.line + 1) + ": " + problem);
}

arrow::Result<GivenSettings> ReadMapping(const YAML::Node& root, const std::string& source) {
  GivenSettings given;
  if (root.IsNull()) return given;
  if (!root.IsMap()) return BadConfig(source, root.Mark(), "expected `setting: value` lines");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const YAML::Node& key = entry.first;
    const YAML::Node& value = entry.second;
    if (!key.IsScalar()) return BadConfig(source, key.Mark(), "a setting's name must be a word");
    std::string name = key.Scalar();
    name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
    if (!seen.insert(name).second) {
      return BadConfig(source, key.Mark(), "setting given twice: " + name);
    }
    if (!value.IsScalar() && !value.IsNull()) {
      return BadConfig(source, value.Mark(), "the value of " + name + " must be one word");
    }
    // Checked here, where the line is known.
    ServeSettings scratch;
    const std::string text = value.IsNull() ? "" : value.Scalar();
    if (const auto status = ApplySettings({{name, text}}, &scratch); !status.ok()) {
      return BadConfig(source, key.Mark(), status.message());
    }
    given.emplace_back(std::move(name), text);
  }
  return given;
}

}  // namespace

arrow::Result<GivenSettings> ParseConfig(std::string_view text, const std::string& source) {
  if (text.size() > kMaxConfigBytes) {
    return MakeError(ErrorKind::kBadQuery, source + ": a config file larger than 1 MiB");
  }
  try {
    return ReadMapping(YAML::Load(std::string(text)), source);
  } catch (const YAML::Exception& e) {
    return BadConfig(source, e.mark.is_null() ? YAML::Mark() : e.mark, e.msg);
  }
}

arrow::Result<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return MakeError(ErrorKind::kNotFound, "cannot open file: path=" + path);
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return arrow::Status::IOError("cannot read file: path=", path);
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxConfigBytes) {
    return MakeError(ErrorKind::kBadQuery, "a file larger than 1 MiB: path=" + path);
  }
  return text;
}

arrow::Result<GivenSettings> ReadConfigFile(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadTextFile(path));
  return ParseConfig(text, path);
}

}  // namespace larnax::cli
