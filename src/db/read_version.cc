#include "db/read_version.h"

#include "io/clock.h"
#include "io/file_system.h"
#include "larnax/options.h"
#include "store/store.h"

namespace larnax::db {

arrow::Result<std::shared_ptr<const store::Version>> ReadVersion(const std::string& path) {
  DatabaseOptions options;
  options.read_only = true;
  ARROW_ASSIGN_OR_RAISE(const auto store, store::Store::Open(io::RealFileSystem(), path,
                                                             store::MakeStoreOptions(options, {}),
                                                             io::RealClock().NowMs()));
  return store->Current();
}

}  // namespace larnax::db
