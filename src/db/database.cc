#include "larnax/database.h"

#include <utility>

#include "db/database_impl.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"

namespace larnax {
namespace {

// One each for commits, a flush and a merge.
constexpr size_t kBackgroundThreads = 3;

}  // namespace

arrow::Result<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                        const DatabaseOptions& options,
                                                        Progress progress) {
  auto executor = std::make_unique<io::ThreadExecutor>(kBackgroundThreads);
  const db::Environment environment{
      .fs = &io::RealFileSystem(), .clock = &io::RealClock(), .executor = executor.get()};
  ARROW_ASSIGN_OR_RAISE(auto database,
                        db::DatabaseImpl::Open(environment, path, options, std::move(progress)));
  database->OwnExecutor(std::move(executor));
  return database;
}

}  // namespace larnax
