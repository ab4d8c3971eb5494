#include "db/experiments.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "db/file_names.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "store/manifest/archive_layout.h"

namespace larnax::db {
namespace {

constexpr std::string_view kSuffix = ".json";

}  // namespace

Experiments::Experiments(io::FileSystem* fs, std::string root, std::string label)
    : fs_(fs), folder_(io::JoinPath(root, store::kExperimentsFolder)), label_(std::move(label)) {}

arrow::Status Experiments::Record(const head::FrozenGeneration& frozen) {
  if (label_.empty()) return arrow::Status::OK();
  std::map<std::string, int64_t, std::less<>> found;
  for (const head::FrozenSeries& series : frozen.series) {
    const std::string_view name = series.labels.Get(label_);
    if (name.empty() || known_.contains(name)) continue;
    // Of exemplars alone: the first sample begins it.
    if (!frozen.generation->Has(series.ref)) continue;
    const int64_t start_ms = frozen.generation->RangeOf(series.ref).start_ms;
    const auto [at, inserted] = found.try_emplace(std::string(name), start_ms);
    if (!inserted) at->second = std::min(at->second, start_ms);
  }
  for (const auto& [name, start_ms] : found) ARROW_RETURN_NOT_OK(Create(name, start_ms));
  return arrow::Status::OK();
}

arrow::Status Experiments::Create(const std::string& name, int64_t start_ms) {
  ARROW_RETURN_NOT_OK(fs_->MakeDirectories(folder_));
  const std::string path = io::JoinPath(folder_, FileNameOf(name) + std::string(kSuffix));
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(path));
  if (exists) {
    // A process before this one may have ended before it could sync the name.
    ARROW_RETURN_NOT_OK(fs_->SyncDirectory(folder_));
    known_.insert(name);
    return arrow::Status::OK();
  }
  const nlohmann::json content = {{"format_version", 1},
                                  {"name", name},
                                  {"start", FormatTime(start_ms)},
                                  {"end", nullptr},
                                  {"matchers", {{label_, name}}},
                                  {"tags", nlohmann::json::object()},
                                  {"note", ""}};
  ARROW_RETURN_NOT_OK(io::ReplaceFile(*fs_, path, content.dump(2) + "\n"));
  known_.insert(name);
  return arrow::Status::OK();
}

arrow::Result<std::vector<std::string>> Experiments::List(io::FileSystem& fs,
                                                          const std::string& root) {
  std::vector<std::string> names;
  const std::string folder = io::JoinPath(root, store::kExperimentsFolder);
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
  if (!exists) return names;
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(kSuffix)) continue;
    const std::string path = io::JoinPath(folder, entry.name);
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, path));
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) {
      return MakeError(ErrorKind::kCorrupt, "malformed experiment: path=" + path);
    }
    names.push_back(json["name"].get<std::string>());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace larnax::db
