#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "larnax/query.h"
#include "test/promql/samples.h"

namespace larnax::promqltest {

/// Where the samples of a script are kept and queries are run.
class TestStorage {
 public:
  virtual ~TestStorage() = default;
  virtual arrow::Status Clear() = 0;
  virtual arrow::Status Load(const std::vector<TimedSeries>& series) = 0;
  virtual arrow::Result<QueryResult> Query(const QueryRequest& request) = 0;
};

/// Samples in plain containers, without any of the database.
std::unique_ptr<TestStorage> MakeMemoryStorage();

/// Where the samples of a database are when it is asked.
enum class DatabaseStage {
  kHead,      ///< In memory and in the log.
  kFiles,     ///< In files, merged.
  kReopened,  ///< As kHead, but closed and opened again after each load.
};
/// A real database in a temporary directory, which goes away with it; samples come by remote write.
arrow::Result<std::unique_ptr<TestStorage>> MakeDatabaseStorage(DatabaseStage stage);

/// Make a storage by name: `memory`, `head`, `files` or `reopened`.
///
/// \retval Invalid  There is no such storage.
arrow::Result<std::unique_ptr<TestStorage>> MakeStorage(std::string_view name);

}  // namespace larnax::promqltest
