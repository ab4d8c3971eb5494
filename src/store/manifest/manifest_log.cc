#include "store/manifest/manifest_log.h"

#include <algorithm>
#include <set>

#include "base/civil_time.h"
#include "base/crc32c.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/json_fields.h"

namespace larnax::store {
namespace {

constexpr std::string_view kCurrent = "CURRENT";
constexpr size_t kKeptManifests = 4;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// CURRENT holds one line: the manifest's name and its checksum, so that a damaged digit does not
// name an older one.
std::string CurrentText(int64_t number) {
  const std::string name = std::to_string(number) + ".json";
  return name + " " + CrcText(base::Crc32c(0, Bytes(name))) + "\n";
}

std::optional<int64_t> ParseManifestName(std::string_view name) {
  if (!name.ends_with(".json") || name.size() > 23) return std::nullopt;
  name.remove_suffix(5);
  if (name.empty() || name[0] == '0') return std::nullopt;
  int64_t number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// First month whose files stand in the root manifest: the one before the present.
std::string FirstInlineMonth(int64_t now_ms) {
  const base::CivilDate today = base::CivilFromDays(base::DayOf(now_ms));
  const int64_t first_of_month = base::DaysFromCivil(today.year, today.month, 1);
  return MonthOf(first_of_month - 1);
}

std::vector<std::string> NamesOf(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const MonthEntry& month : manifest.months) paths.push_back(month.path);
  return paths;
}

}  // namespace

ManifestLog::ManifestLog(io::FileSystem* fs, std::string root) : fs_(fs), root_(std::move(root)) {}

std::string ManifestLog::Path(std::string_view name) const {
  return io::JoinPath(io::JoinPath(root_, kManifestFolder), name);
}

// The number of the manifest that CURRENT names. People may have written the name alone.
std::optional<int64_t> ParseCurrent(std::string_view text) {
  if (!text.ends_with('\n')) return std::nullopt;
  const auto number = ParseManifestName(text.substr(0, std::min(text.size() - 1, text.find(' '))));
  if (!number) return std::nullopt;
  if (text != CurrentText(*number) && text != std::to_string(*number) + ".json\n") {
    return std::nullopt;
  }
  return number;
}

arrow::Result<std::string> ManifestLog::ReadCurrent() {
  auto text = io::ReadFile(*fs_, Path(kCurrent));
  if (!text.ok() && KindOf(text.status()) == ErrorKind::kNotFound) return std::string();
  return text;
}

arrow::Result<std::optional<Manifest>> ManifestLog::Load() {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(Path(kCurrent)));
  if (!exists) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const std::string current, ReadCurrent());
  const auto number = ParseCurrent(current);
  if (!number) {
    return MakeError(ErrorKind::kCorrupt, "CURRENT names no manifest. path=" + Path(kCurrent));
  }
  const std::string path = Path(std::to_string(*number) + ".json");
  auto text = io::ReadFile(*fs_, path);
  if (!text.ok()) {
    if (KindOf(text.status()) != ErrorKind::kNotFound) return text.status();
    return MakeError(ErrorKind::kCorrupt,
                     "The manifest that CURRENT names is missing. path=" + path);
  }
  ARROW_ASSIGN_OR_RAISE(Manifest manifest, DecodeManifest(*text, path));
  if (manifest.number != *number) {
    return MakeError(ErrorKind::kCorrupt, "The manifest has the number of another one. number=" +
                                              std::to_string(manifest.number) + " path=" + path);
  }
  number_ = *number;
  last_tried_ = std::max(last_tried_, *number);
  kept_ = {{number_, NamesOf(manifest)}};
  ARROW_RETURN_NOT_OK(LoadMonths(&manifest));
  return manifest;
}

arrow::Status ManifestLog::LoadMonths(Manifest* manifest) {
  std::map<MonthKey, Month> months;
  for (const MonthEntry& entry : manifest->months) {
    MonthKey key(entry.table, entry.month);
    if (months.contains(key)) {
      return MakeError(ErrorKind::kCorrupt,
                       "The manifest lists a month twice. month=" + entry.month +
                           " number=" + std::to_string(manifest->number));
    }
    const std::string path = io::JoinPath(root_, entry.path);
    auto text = io::ReadFile(*fs_, path);
    if (!text.ok()) {
      if (KindOf(text.status()) != ErrorKind::kNotFound) return text.status();
      return MakeError(ErrorKind::kCorrupt, "A month of the manifest is missing. path=" + path);
    }
    if (base::Crc32c(0, Bytes(*text)) != entry.crc32c) {
      return MakeError(ErrorKind::kCorrupt,
                       "A month's checksum does not match the root manifest. path=" + path);
    }
    ARROW_ASSIGN_OR_RAISE(std::vector<FileEntry> files, DecodeMonth(*text, entry));
    Month month{entry, {}};
    for (FileEntry& file : files) {
      month.files.emplace_back(file.name, file.series_footer_crc32c);
      manifest->files.push_back(std::move(file));
    }
    std::sort(month.files.begin(), month.files.end());
    months.insert_or_assign(std::move(key), std::move(month));
  }
  months_ = std::move(months);
  return arrow::Status::OK();
}

arrow::Status ManifestLog::Write(const std::string& path, std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const auto file, fs_->Create(path));
  ARROW_RETURN_NOT_OK(file->Append(Bytes(text)));
  ARROW_RETURN_NOT_OK(file->Sync());
  return file->Close();
}

arrow::Result<std::map<ManifestLog::MonthKey, ManifestLog::Month>> ManifestLog::WriteMonths(
    Manifest* manifest, int64_t now_ms) {
  const std::string first_inline = FirstInlineMonth(now_ms);
  std::map<MonthKey, std::vector<const FileEntry*>> by_month;
  std::vector<FileEntry> inline_files;
  for (const FileEntry& file : manifest->files) {
    const std::string month = MonthOf(file.day);
    if (file.level == kDayLevel && month < first_inline) {
      by_month[{file.table, month}].push_back(&file);
    } else {
      inline_files.push_back(file);
    }
  }
  std::map<MonthKey, Month> months;
  manifest->months.clear();
  for (auto& [key, files] : by_month) {
    std::sort(files.begin(), files.end(),
              [](const FileEntry* a, const FileEntry* b) { return a->name < b->name; });
    Month month;
    for (const FileEntry* file : files) {
      month.files.emplace_back(file->name, file->series_footer_crc32c);
    }
    if (const auto old = months_.find(key);
        old != months_.end() && old->second.files == month.files) {
      month.entry = old->second.entry;
    } else {
      const std::string text = EncodeMonth(key.first, key.second, files);
      const std::string table = key.first == kSamplesTable ? "" : key.first + "-";
      const std::string name =
          "month-" + table + key.second + "-" + std::to_string(manifest->number);
      month.entry = {.table = key.first,
                     .month = key.second,
                     .path = std::string(kManifestFolder) + "/" + name + ".json",
                     .files = static_cast<int64_t>(files.size()),
                     .crc32c = base::Crc32c(0, Bytes(text))};
      for (const FileEntry* file : files) {
        month.entry.rows += file->rows;
        month.entry.bytes += file->bytes + file->series_bytes;
      }
      ARROW_RETURN_NOT_OK(Write(io::JoinPath(root_, month.entry.path), text));
    }
    manifest->months.push_back(month.entry);
    months.emplace(key, std::move(month));
  }
  manifest->files = std::move(inline_files);
  return months;
}

arrow::Status ManifestLog::Commit(Manifest manifest, int64_t now_ms, CommitState* state) {
  *state = CommitState::kNotCommitted;
  manifest.number = ++last_tried_;
  ARROW_ASSIGN_OR_RAISE(auto months, WriteMonths(&manifest, now_ms));
  ARROW_RETURN_NOT_OK(
      Write(Path(std::to_string(manifest.number) + ".json"), EncodeManifest(manifest)));
  ARROW_RETURN_NOT_OK(fs_->SyncDirectory(io::JoinPath(root_, kManifestFolder)));
  std::vector<std::string> names = NamesOf(manifest);
  kept_.reserve(kept_.size() + 1);
  *state = CommitState::kUncertain;
  const auto replaced = io::ReplaceFile(*fs_, Path(kCurrent), CurrentText(manifest.number));
  if (!replaced.ok()) {
    const auto current = ReadCurrent();
    const bool is_old = current.ok() && *current == (number_ == 0 ? "" : CurrentText(number_));
    if (is_old) *state = CommitState::kNotCommitted;
    return replaced;
  }
  number_ = manifest.number;
  months_ = std::move(months);
  kept_.emplace_back(number_, std::move(names));
  if (kept_.size() > kKeptManifests) kept_.erase(kept_.begin());
  return arrow::Status::OK();
}

void ManifestLog::RemoveOld() {
  std::set<std::string> needed = {std::string(kCurrent)};
  for (const auto& [number, months] : kept_) {
    needed.insert(std::to_string(number) + ".json");
    for (const std::string& path : months) needed.insert(path.substr(kManifestFolder.size() + 1));
  }
  const auto entries = fs_->List(io::JoinPath(root_, kManifestFolder));
  if (!entries.ok()) return;
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.is_directory || needed.contains(entry.name)) continue;
    const bool is_ours = ParseManifestName(entry.name) || entry.name.starts_with("month-") ||
                         entry.name == std::string(kCurrent) + ".tmp";
    if (is_ours) (void)fs_->RemoveFile(Path(entry.name));
  }
}

}  // namespace larnax::store
