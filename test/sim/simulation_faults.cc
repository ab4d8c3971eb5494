#include <optional>
#include <string>
#include <vector>

#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "test/sim/simulation.h"

// The faulty half of the world: what the disk and the clock do to the database.
namespace larnax::sim {
namespace {

constexpr char kRoot[] = "/data/archive";

}  // namespace

arrow::Status Simulation::ChangeFaults() {
  if (HasFaults() || disk_slow_) {
    if (random_.Chance(0.45)) return Settle();
    if (random_.Chance(0.6)) return arrow::Status::OK();
  }
  return StartFault();
}

arrow::Status Simulation::StartFault() {
  had_faults_ = true;
  switch (random_.Below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (options_.faults.errors) StartErrors();
      break;
    case 4:
    case 5:
      if (options_.faults.full_disk) FillDisk();
      break;
    case 6:
      if (options_.faults.read_only_disk) StartReadOnly();
      break;
    case 7:
      if (options_.faults.slow_disk) StartSlowness();
      break;
    default:
      if (options_.faults.bit_flips) return FlipBit();
  }
  return arrow::Status::OK();
}

/// Let faults strike while the archive opens.
void Simulation::TroubleRecovery() {
  switch (random_.Below(6)) {
    case 0:
      if (options_.faults.full_disk) FillDisk();
      break;
    case 1:
      if (options_.faults.read_only_disk) StartReadOnly();
      break;
    default:
      if (options_.faults.errors) StartErrors();
  }
}

void Simulation::StartErrors() {
  // A disk fails as a whole, or in one part again and again.
  constexpr const char* kParts[] = {"/wal", "/manifest", "/staging", "/date="};
  if (random_.Chance(0.4)) disk_.set_failing_part(kParts[random_.Below(std::size(kParts))]);
  for (int kinds = random_.Chance(0.6) ? 1 : 3; kinds > 0; --kinds) {
    const auto operation = static_cast<io::SimOperation>(random_.Below(io::kSimOperationCount));
    StartErrorsOf(operation);
    // A log is cut only after it could not be written.
    const bool is_cut_next =
        operation == io::SimOperation::kWrite || operation == io::SimOperation::kSync;
    if (is_cut_next && random_.Chance(0.4)) StartErrorsOf(io::SimOperation::kTruncate);
  }
  if (!options_.faults.kills || !random_.Chance(0.3)) return;
  death_after_failure_ = 0.5;
  if (process_ != nullptr) process_->set_death_after_failure(death_after_failure_);
}

void Simulation::StartErrorsOf(io::SimOperation operation) {
  const auto error = random_.Chance(0.7) ? io::SimError::kIo : io::SimError::kDiskFull;
  if (operation == io::SimOperation::kTruncate) {
    disk_.FailRandomly(operation, random_.Chance(0.5) ? 1 : 0.5, io::SimError::kIo);
  } else if (random_.Chance(0.5)) {
    const uint64_t within = random_.Chance(0.5) ? 4 : 30;
    disk_.FailNth(operation, 1 + static_cast<int64_t>(random_.Below(within)), error);
  } else {
    constexpr double kChances[] = {0.01, 0.1, 0.5, 1};
    disk_.FailRandomly(operation, kChances[random_.Below(4)], error);
  }
  errors_on_ = true;
  DistrustLog();
  read_errors_on_ |= operation == io::SimOperation::kRead || operation == io::SimOperation::kOpen ||
                     operation == io::SimOperation::kList;
  Say("errors of kind " + std::to_string(static_cast<int>(operation)));
}

/// A log that is not synced loses all since its last sync when a write or sync fails.
void Simulation::DistrustLog() {
  if (ack_safety_ == Safety::kDurable) return;
  model_.Distrust();
  known_metadata_.clear();
  known_exemplars_.clear();
}

void Simulation::StartReadOnly() {
  disk_.set_read_only(true);
  errors_on_ = true;
  DistrustLog();
  Say("the disk is read-only");
}

void Simulation::StartSlowness() {
  constexpr int64_t kTimesMs[] = {20, 300, 3000};
  const int64_t time_ms = kTimesMs[random_.Below(std::size(kTimesMs))];
  disk_.set_operation_time(&clock_, time_ms * 1'000'000);
  disk_slow_ = true;
  fault_counts_.Count("slow disks", Phase::kIdle);
  Say("each call takes " + std::to_string(time_ms) + " ms");
}

void Simulation::SetBaseSpeed() {
  disk_.set_operation_time(base_operation_ns_ == 0 ? nullptr : &clock_, base_operation_ns_);
  disk_slow_ = false;
}

void Simulation::FillDisk() {
  // What is free below a huge capacity tells what is used.
  constexpr int64_t kHuge = int64_t{1} << 40;
  disk_.set_capacity_bytes(kHuge);
  const Calm calm(disk_);
  const int64_t used_bytes = kHuge - disk_.FreeBytes("/").ValueOr(kHuge);
  const auto room = static_cast<int64_t>(random_.Below(random_.Chance(0.5) ? 2000 : 40'000));
  disk_.set_capacity_bytes(used_bytes + room);
  disk_full_ = true;
  fault_counts_.Count("full disks", Phase::kIdle);
  Say("room for " + std::to_string(room) + " bytes");
}

arrow::Result<std::optional<Simulation::FlippedByte>> Simulation::DrawByte(bool in_manifests) {
  const Calm calm(disk_);
  std::vector<FlippedByte> files;  // The offset is the file's size.
  const auto add = [&](const std::string& folder) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(folder));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.name == store::kSchemaFile || entry.size_bytes == 0) continue;
      files.push_back({io::JoinPath(folder, entry.name), entry.size_bytes, 0});
    }
    return arrow::Status::OK();
  };
  for (const std::string_view table : store::kDayTables) {
    for (const store::Tree tree : store::kTrees) {
      const std::string folder = io::JoinPath(kRoot, store::TreeFolder(tree, table));
      ARROW_ASSIGN_OR_RAISE(const bool exists, disk_.Exists(folder));
      if (!exists) continue;
      ARROW_ASSIGN_OR_RAISE(const auto days, disk_.List(folder));
      for (const io::DirectoryEntry& day : days) {
        ARROW_RETURN_NOT_OK(add(io::JoinPath(folder, day.name)));
      }
    }
  }
  const std::string metadata = io::JoinPath(kRoot, store::kMetadataTable);
  ARROW_ASSIGN_OR_RAISE(const bool has_metadata, disk_.Exists(metadata));
  if (has_metadata) ARROW_RETURN_NOT_OK(add(metadata));
  if (in_manifests) {
    ARROW_RETURN_NOT_OK(add(io::JoinPath(kRoot, store::kManifestFolder)));
  }
  if (files.empty()) return std::nullopt;
  FlippedByte byte = files[random_.Below(files.size())];
  byte.offset_bytes = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(byte.offset_bytes)));
  byte.mask = static_cast<uint8_t>(1u << random_.Below(8));
  return byte;
}

/// Flip a bit under the running database, until the faults end.
arrow::Status Simulation::FlipBit() {
  ARROW_ASSIGN_OR_RAISE(const auto byte, DrawByte(false));
  if (!byte) return arrow::Status::OK();
  open_read_.reset();
  ARROW_RETURN_NOT_OK(disk_.Corrupt(byte->path, byte->offset_bytes, byte->mask));
  flipped_.push_back(*byte);
  was_flipped_ = true;
  Say("flip in " + byte->path + " at " + std::to_string(byte->offset_bytes));
  return arrow::Status::OK();
}

/// Flip bits one by one, each under a reader that opens the archive anew: it must answer as
/// before, or name the damaged file.
arrow::Status Simulation::ReadWithFlips() {
  if (HasFaults()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Model::Content before, ReadOnlyContent());
  for (int i = 0; i < 6; ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto byte, DrawByte(true));
    if (!byte) return arrow::Status::OK();
    const std::string where = byte->path + " offset=" + std::to_string(byte->offset_bytes) +
                              " mask=" + std::to_string(byte->mask);
    ARROW_RETURN_NOT_OK(disk_.Corrupt(byte->path, byte->offset_bytes, byte->mask));
    std::vector<std::string> warnings;
    const auto after = ReadOnlyContent(&warnings);
    ARROW_RETURN_NOT_OK(disk_.Corrupt(byte->path, byte->offset_bytes, byte->mask));
    if (after.ok()) {
      Count(warnings.empty() ? "flipped bits without effect" : "flipped bits contained by reads");
      ARROW_RETURN_NOT_OK(
          CheckContained(before, *after, warnings, {byte->path}, "with a flipped bit in " + where));
      continue;
    }
    // A name in CURRENT that is wrong by one letter names another manifest.
    const bool in_manifest = byte->path.find("/manifest/") != std::string::npos;
    const std::string name =
        in_manifest ? "/manifest/" : byte->path.substr(byte->path.rfind('/') + 1);
    if (KindOf(after.status()) != ErrorKind::kCorrupt ||
        after.status().message().find(name) == std::string::npos) {
      return arrow::Status::Invalid("a flipped bit in ", where,
                                    " is not told: ", after.status().ToString());
    }
    Count("flipped bits noticed by reads");
  }
  return arrow::Status::OK();
}

// A path that leads to the file of a day that had this one. While the folder of the day is being
// changed, and until that has been undone after a power cut, the file may have other names alone.
arrow::Result<std::optional<std::string>> Simulation::WhereIs(const std::string& path) {
  const Calm calm(disk_);
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::string stem = name.substr(0, name.rfind(store::kParquetSuffix));
  const auto tree =
      path.starts_with(io::JoinPath(kRoot, "series/")) ? store::Tree::kSeries : store::Tree::kData;
  std::vector<std::string> places = {
      path, io::JoinPath(kRoot, store::LooseFile(tree, store::kRetiredFolder, stem))};
  const std::string staging = io::JoinPath(kRoot, store::kStagingFolder);
  if (disk_.Exists(staging).ValueOr(false)) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(staging));
    for (const io::DirectoryEntry& entry : entries) {
      if (!entry.is_directory || !entry.name.ends_with(store::SwappedFolderSuffix(tree))) continue;
      places.push_back(io::JoinPath(io::JoinPath(staging, entry.name), name));
    }
  }
  for (const std::string& place : places) {
    if (disk_.Exists(place).ValueOr(false)) return place;
  }
  return std::nullopt;
}

arrow::Status Simulation::UnflipBits() {
  for (const FlippedByte& flip : flipped_) {
    // A merge that could read it all may have replaced the file.
    ARROW_ASSIGN_OR_RAISE(const auto path, WhereIs(flip.path));
    if (path) {
      const Calm calm(disk_);
      const auto restored = disk_.Corrupt(*path, flip.offset_bytes, flip.mask);
      // A power cut after lying syncs may have taken the byte.
      if (!restored.ok() && !lying_) return restored;
    }
  }
  // Whoever mends a disk starts the database again: it may hold what it read meanwhile.
  if (!flipped_.empty() && process_ != nullptr) process_->Die();
  flipped_.clear();
  return arrow::Status::OK();
}

arrow::Status Simulation::StopFaults() {
  const bool had_faults = HasFaults();
  disk_.ClearFailures();
  disk_.set_read_only(false);
  SetBaseSpeed();
  disk_.set_capacity_bytes(std::nullopt);
  errors_on_ = read_errors_on_ = disk_full_ = false;
  death_after_failure_ = 0;
  if (process_ != nullptr) process_->set_death_after_failure(0);
  ARROW_RETURN_NOT_OK(UnflipBits());
  if (!had_faults) return arrow::Status::OK();
  Say("faults end");
  // The database looks at the disk's room once a second.
  if (database_ != nullptr && process_ != nullptr && !process_->is_dead()) {
    faults_linger_ = true;
    executor_.RunFor(1001);
    faults_linger_ = false;
  }
  return arrow::Status::OK();
}

}  // namespace larnax::sim
