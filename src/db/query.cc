#include <exception>
#include <new>
#include <utility>

#include "db/database_impl.h"
#include "exec/source.h"
#include "larnax/error.h"

namespace larnax::db {
namespace {

// Every selector of a query is a read of head and files.
class DatabaseSource final : public exec::SampleSource {
 public:
  DatabaseSource(DatabaseImpl* database, io::TaskRunner runner)
      : database_(database), runner_(std::move(runner)) {}
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override {
    return database_->SelectWith(request, runner_);
  }

 private:
  DatabaseImpl* database_;
  const io::TaskRunner runner_;
};

}  // namespace

arrow::Result<QueryResult> DatabaseImpl::Query(const QueryRequest& request) {
  DatabaseSource source(this, query_engine_.RunnerFor(request));
  try {
    return query_engine_.Run(source, request);
  } catch (const std::bad_alloc&) {
    // Before a limit of queries was reached: others will be done with theirs.
    return MakeError(ErrorKind::kOverloaded, "query failed: out of memory");
  } catch (const std::exception& error) {
    // What is larger than anything could be.
    return MakeError(ErrorKind::kLimit, std::string("query failed: ") + error.what());
  }
}

}  // namespace larnax::db
