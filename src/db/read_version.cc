#include "db/read_version.h"

#include "io/clock.h"
#include "io/file_system.h"
#include "larnax/error.h"
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

arrow::Result<std::string> FindFile(const store::DataFile& file, store::Tree tree) {
  for (const bool in_retired : {false, true}) {
    std::string path = file.PathIn(tree, in_retired);
    ARROW_ASSIGN_OR_RAISE(const bool exists, io::RealFileSystem().Exists(path));
    if (exists) return path;
  }
  return MakeError(ErrorKind::kNotFound, "the manifest lists a file that is missing: path=" +
                                             file.PathIn(tree, /*in_retired=*/false));
}

}  // namespace larnax::db
