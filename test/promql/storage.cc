#include "test/promql/storage.h"

#include <string>

namespace larnax::promqltest {

arrow::Result<std::unique_ptr<TestStorage>> MakeStorage(std::string_view name) {
  if (name == "memory") return MakeMemoryStorage();
  if (name == "head") return MakeDatabaseStorage(DatabaseStage::kHead);
  if (name == "files") return MakeDatabaseStorage(DatabaseStage::kFiles);
  if (name == "reopened") return MakeDatabaseStorage(DatabaseStage::kReopened);
  return arrow::Status::Invalid("no storage of the name ", name);
}

}  // namespace larnax::promqltest
