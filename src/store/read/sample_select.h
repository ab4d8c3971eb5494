#pragma once

#include <memory>
#include <vector>

#include <arrow/result.h>

#include "head/head.h"
#include "io/clock.h"
#include "io/task_runner.h"
#include "larnax/database.h"
#include "larnax/samples.h"
#include "store/manifest/version.h"

namespace larnax::store {

/// Everything that can be read at one moment: files, and what is not in files yet. Take the head's
/// part first: what is flushed in between is then seen twice, which does no harm, not missed.
struct Snapshot {
  std::shared_ptr<const Version> files;
  head::HeadSnapshot head;  ///< Of the request's selectors and range.
  /// A writer elsewhere may remove files at any time: open all of them at once.
  bool files_may_vanish = false;
  /// A file that is gone is lost, and read around as a damaged one.
  bool gone_is_damage = false;
};

/// Open a stream over the selected series. Files are matched here; samples are read by the stream,
/// few in the first batch, then about a million in each, or some ten thousand where pages are kept.
///
/// \param clock   Outlives the stream; read only where the request has a timeout.
/// \param runner  Decodes pages; may be empty.
/// \retval kNotFound A file is gone (read-only archives): take a newer snapshot.
arrow::Result<std::unique_ptr<SampleStream>> SelectSamples(Snapshot snapshot,
                                                           const SelectRequest& request,
                                                           const io::Clock& clock,
                                                           io::TaskRunner runner = {});

}  // namespace larnax::store
