#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "db/environment.h"
#include "head/head.h"
#include "store/store.h"

namespace larnax::db {

/// For an archive that is open read-only: what its last writer took and did not bring into files,
/// as where it was killed or the power went. Thread-safe.
class UnflushedLog {
 public:
  /// \param store   Of the same archive, read-only; outlives this.
  /// \param folder  Of the log.
  UnflushedLog(const Environment& environment, store::Store* store, std::string folder)
      : environment_(environment), store_(store), folder_(std::move(folder)) {}

  /// The log in memory, from where the newest manifest says that files end; read again when that
  /// has moved, or a writer was there. Null while a writer has the archive open: it has all this,
  /// and goes on.
  ///
  /// \param warnings  Told where the log cannot be read.
  std::shared_ptr<head::Head> Read(std::vector<std::string>* warnings);

  /// Tell who writes to the archive; empty: nobody. Never fails: who cannot be seen is not there.
  std::string Writer() const;

 private:
  // Every start of a writer raises the epoch, even one that brings nothing into files.
  struct Place {
    int64_t epoch;
    head::LogPosition from;
    friend bool operator==(const Place&, const Place&) = default;
  };

  arrow::Result<std::shared_ptr<head::Head>> Replay(head::LogPosition from) const;

  const Environment environment_;
  store::Store* const store_;
  const std::string folder_;
  std::mutex mutex_;           // Guards what follows.
  std::optional<Place> read_;  // What `head_` and `warning_` are of.
  std::shared_ptr<head::Head> head_;
  std::string warning_;
};

}  // namespace larnax::db
