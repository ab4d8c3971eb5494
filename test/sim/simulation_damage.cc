#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "larnax/error.h"
#include "test/sim/simulation.h"

// Damage to the files of an archive that nobody has open: it must be found, named and contained.
namespace larnax::sim {
namespace {

constexpr char kRoot[] = "/data/archive";
constexpr char kLogFolder[] = "/data/archive/wal/samples";

struct File {
  std::string path;
  int64_t size_bytes = 0;
};

arrow::Status ListAll(io::FileSystem& fs, const std::string& folder, std::vector<File>* files) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(folder));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(folder, entry.name);
    if (entry.is_directory) {
      ARROW_RETURN_NOT_OK(ListAll(fs, path, files));
    } else if (entry.size_bytes > 0) {
      files->push_back({path, entry.size_bytes});
    }
  }
  return arrow::Status::OK();
}

bool Has(std::string_view path, std::string_view part) {
  return path.find(part) != std::string_view::npos;
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

arrow::Status Zero(io::SimFileSystem& fs, const File& file, int64_t offset_bytes) {
  const int64_t end_bytes = std::min(file.size_bytes, offset_bytes + 512);
  std::vector<uint8_t> bytes(static_cast<size_t>(end_bytes - offset_bytes));
  ARROW_ASSIGN_OR_RAISE(const auto reader, fs.OpenReadable(file.path));
  ARROW_RETURN_NOT_OK(reader->ReadAt(offset_bytes, bytes));
  for (size_t i = 0; i < bytes.size(); ++i) {
    ARROW_RETURN_NOT_OK(fs.Corrupt(file.path, offset_bytes + static_cast<int64_t>(i), bytes[i]));
  }
  return arrow::Status::OK();
}

constexpr char kCut[] = "files cut at rest";
constexpr char kLost[] = "files lost at rest";

}  // namespace

// Tells whether what was damaged is made anew when the archive is opened.
bool Simulation::IsMended(const Damage& damage) {
  return Has(damage.path, "/series/") && (damage.kind == kCut || damage.kind == kLost);
}

arrow::Result<std::optional<Simulation::Damage>> Simulation::DamageCopy(io::SimFileSystem& copy) {
  std::vector<File> files;
  ARROW_RETURN_NOT_OK(ListAll(copy, kRoot, &files));
  // A kind of file first: else most would be data files.
  constexpr std::string_view kParts[] = {
      "/wal/", "/manifest/", "/date=", "/metadata/", "/series/", "/"};
  const std::string_view part = kParts[random_.Below(std::size(kParts))];
  // What is staged may be a link to a file of a day, whose damage would then have another name.
  std::erase_if(files, [&](const File& file) {
    return !Has(file.path, part) || Has(file.path, "/staging/");
  });
  if (files.empty()) return std::nullopt;
  const File& file = files[random_.Below(files.size())];
  Damage damage{.path = file.path, .kind = "", .offset_bytes = 0};
  damage.offset_bytes = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(file.size_bytes)));
  switch (random_.Below(6)) {
    case 0:
      damage.kind = kCut;
      ARROW_RETURN_NOT_OK(copy.Truncate(file.path, damage.offset_bytes));
      break;
    case 1:
      damage.kind = kLost;
      ARROW_RETURN_NOT_OK(copy.RemoveFile(file.path));
      break;
    case 2:
      damage.kind = "sectors zeroed at rest";
      ARROW_RETURN_NOT_OK(Zero(copy, file, damage.offset_bytes));
      break;
    default:
      damage.kind = "bits flipped at rest";
      ARROW_RETURN_NOT_OK(copy.Corrupt(file.path, damage.offset_bytes,
                                       static_cast<uint8_t>(1u << random_.Below(8))));
  }
  fault_counts_.Count(damage.kind, fault_counts_.PhaseOf(file.path));
  return damage;
}

/// Start a database on a copy of the disk, as after a kill, and read all of it; `with_work`: flush
/// and merge before, whatever comes of it. 0: it does not die.
arrow::Result<Simulation::CopyAnswer> Simulation::StartCopy(io::SimFileSystem& copy, bool with_work,
                                                            int64_t dies_at_call) {
  io::SimExecutor executor(clock_, 1);
  ProcessFileSystem process(copy, trace_, 1);
  if (dies_at_call > 0) process.DieAtCall(dies_at_call);
  const db::Environment environment{.fs = &process,
                                    .clock = &clock_,
                                    .executor = &executor,
                                    .seed = 1,
                                    .recovery_threads = 1,
                                    .build = std::to_string(random_.Below(3))};
  auto opened = db::DatabaseImpl::Open(environment, kRoot, database_options_, {});
  if (!opened.ok()) {
    process.Die();
    return opened.status();
  }
  std::unique_ptr<db::DatabaseImpl> database = std::move(*opened);
  const auto read = [&]() -> arrow::Result<CopyAnswer> {
    if (with_work) {
      (void)database->Flush();
      (void)database->Merge(true);
    }
    ARROW_ASSIGN_OR_RAISE(const auto stream, database->Select({}));
    ARROW_ASSIGN_OR_RAISE(Model::Content content, ReadAll(*stream));
    ARROW_ASSIGN_OR_RAISE(const DatabaseStatus status, database->Status(0));
    return CopyAnswer{std::move(content), stream->warnings(), status.warnings};
  };
  auto answer = read();
  process.Die();
  executor.DropAll();
  database.reset();
  return answer;
}

/// Tell whether damage to a file cannot be told from a commit that was never acknowledged: so it is
/// at the end of the log.
arrow::Result<bool> Simulation::MayLoseTail(const std::string& path) {
  if (!path.starts_with(kLogFolder)) return false;
  // The newest with records; after faults there may be given-up segments behind it.
  constexpr int64_t kHeaderBytes = 64;
  ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(kLogFolder));
  int64_t newer = 0;
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name > NameOf(path) && entry.size_bytes > kHeaderBytes) ++newer;
  }
  return newer == 0 || had_faults_;
}

arrow::Status Simulation::CheckDamagedCopy(const Damage& damage,
                                           const arrow::Result<CopyAnswer>& answer,
                                           const Model::Content& before) {
  const std::string what = "with " + damage.kind + " in " + damage.path +
                           " offset=" + std::to_string(damage.offset_bytes);
  if (!answer.ok()) {
    // Any other file can be done without.
    if (!Has(damage.path, "/manifest/") && !Has(damage.path, "/wal/")) {
      return arrow::Status::Invalid(what, ": not contained: ", answer.status().ToString());
    }
    const bool in_manifest = Has(damage.path, "/manifest/");
    const std::string name = in_manifest ? "manifest/" : NameOf(damage.path);
    if (KindOf(answer.status()) != ErrorKind::kCorrupt ||
        answer.status().message().find(name) == std::string::npos) {
      return arrow::Status::Invalid(what, ": not told: ", answer.status().ToString());
    }
    Count("damage at rest refused by name");
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const bool may_lose_tail, MayLoseTail(damage.path));
  if (may_lose_tail) {
    for (const auto& [labels, samples] : answer->content) {
      for (const auto& [time_ms, value] : samples) {
        if (model_.MayBeInFiles(labels, time_ms, value)) continue;
        return arrow::Status::Invalid(what, ": never stored: ", Describe(labels, time_ms, value));
      }
    }
    Count("damage at rest at the end of the log");
    return arrow::Status::OK();
  }
  ARROW_RETURN_NOT_OK(
      CheckContained(before, answer->content, answer->warnings, {damage.path}, what));
  if (IsMended(damage)) {
    if (!answer->warnings.empty()) {
      return arrow::Status::Invalid(what, ": not mended: ", answer->warnings.front());
    }
    Count("indexes mended");
  }
  Count(answer->warnings.empty() ? "damage at rest without effect" : "damage at rest contained");
  return arrow::Status::OK();
}

arrow::Status Simulation::StartDamagedCopies() {
  if (HasFaults() || disk_slow_ || lying_ || was_flipped_) return arrow::Status::OK();
  io::SimFileSystem whole(1);
  whole.CopyFrom(disk_);
  ARROW_ASSIGN_OR_RAISE(const CopyAnswer before, StartCopy(whole, false));
  if (!before.warnings.empty()) {
    return arrow::Status::Invalid("a copy has damage: ", before.warnings.front());
  }
  Model model = model_;
  ARROW_RETURN_NOT_OK(model.Recover(before.content, Safety::kWritten));
  Count("copies recovered");
  for (int i = 0; i < 3; ++i) ARROW_RETURN_NOT_OK(StartDamagedCopy(before.content));
  return arrow::Status::OK();
}

void Simulation::EndCopy(io::SimFileSystem& copy) {
  if (random_.Chance(0.5)) {
    copy.Kill();
  } else {
    copy.Crash();
  }
}

/// Damage a copy, and start it twice: what the first start mends, perhaps after one that died, the
/// second one must find whole.
arrow::Status Simulation::StartDamagedCopy(const Model::Content& before) {
  io::SimFileSystem copy(random_.Next());
  copy.CopyFrom(disk_);
  if (random_.Chance(0.3)) {
    // So that there are files of whole days, and months of them.
    ARROW_RETURN_NOT_OK(StartCopy(copy, true).status());
    copy.Kill();
  }
  ARROW_ASSIGN_OR_RAISE(const auto damage, DamageCopy(copy));
  if (!damage) return arrow::Status::OK();
  Say(damage->kind + " in " + damage->path + " at " + std::to_string(damage->offset_bytes));
  if (random_.Chance(0.5)) {
    (void)StartCopy(copy, false, 1 + static_cast<int64_t>(random_.Below(30)));
    EndCopy(copy);
    Count("starts that ended with damage at rest");
  }
  const auto answer = StartCopy(copy, random_.Chance(0.3));
  ARROW_RETURN_NOT_OK(CheckDamagedCopy(*damage, answer, before));
  EndCopy(copy);
  const auto again = StartCopy(copy, false);
  ARROW_RETURN_NOT_OK(CheckDamagedCopy(*damage, again, before));
  if (IsMended(*damage) && !again->opening_warnings.empty()) {
    return arrow::Status::Invalid("mended for one start only: ", again->opening_warnings.front());
  }
  return arrow::Status::OK();
}

}  // namespace larnax::sim
