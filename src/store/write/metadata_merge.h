#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/write/metadata_file.h"
#include "io/file_system.h"
#include "store/manifest/manifest.h"
#include "store/read/damage_report.h"

namespace larnax::store {

/// Neighbours in sequence, of the files of the table `metadata`, that become one.
struct MetadataMergeJob {
  std::vector<MetadataEntry> files;
};

/// Choose what to merge next: small files, when there are many of them (with `everything`: more
/// than one). Large ones stay, so that a merge's memory is bounded.
///
/// \param damaged  Names of files that cannot be read: they stay as they are, and nothing is merged
///                 across them.
std::optional<MetadataMergeJob> PickMetadataMerge(const std::vector<MetadataEntry>& files,
                                                  bool everything,
                                                  const std::set<std::string>& damaged = {});

/// Read files and merge their rows: of rows that say the same one stays, seen from the first time
/// to the last.
///
/// \param metric      Only what was said of it; empty: everything.
/// \param damage      Where damaged files are noted, which are then left out; nullptr: it fails.
/// \param lost        Names of files that nobody moved where they are gone: damaged ones.
/// \retval kNotFound A file is gone.
arrow::Result<std::vector<columns::MetadataRow>> ReadMetadataFiles(
    io::FileSystem& fs, const std::string& root, std::span<const MetadataEntry> files,
    std::string_view metric, DamageReport* damage = nullptr,
    const std::set<std::string>* lost = nullptr);

/// Bring rows into the order of the table; of rows that say the same one stays, as above.
void MergeMetadataRows(std::vector<columns::MetadataRow>* rows);

}  // namespace larnax::store
