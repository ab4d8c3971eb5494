#include <exception>

#include "db/database_impl.h"
#include "exec/source.h"
#include "larnax/error.h"

namespace larnax::db {
namespace {

// Every selector of a query is a read of head and files.
class DatabaseSource final : public exec::SampleSource {
 public:
  explicit DatabaseSource(Database* database) : database_(database) {}
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override {
    return database_->Select(request);
  }

 private:
  Database* database_;
};

}  // namespace

arrow::Result<QueryResult> DatabaseImpl::Query(const QueryRequest& request) {
  DatabaseSource source(this);
  try {
    return query_engine_.Run(source, request);
  } catch (const std::exception& error) {
    // Memory ran out before a limit was reached.
    return MakeError(ErrorKind::kLimit, std::string("query failed: ") + error.what());
  }
}

}  // namespace larnax::db
