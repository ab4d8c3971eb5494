#include <utility>

#include "exec/engine.h"
#include "exec/memory_source_for_test.h"
#include "test/promql/storage.h"

namespace larnax::promqltest {
namespace {

class MemoryStorage final : public TestStorage {
 public:
  arrow::Status Clear() override {
    source_.Clear();
    return arrow::Status::OK();
  }
  arrow::Status Load(const std::vector<TimedSeries>& all) override {
    for (const TimedSeries& series : all) {
      for (const TimedSample& sample : series.samples) {
        if (sample.histogram == nullptr) {
          source_.Add(series.labels, sample.time_ms, sample.value, sample.start_ms);
        } else {
          source_.Add(series.labels, sample.time_ms, sample.histogram->ToNative(), sample.start_ms);
        }
      }
    }
    return arrow::Status::OK();
  }
  arrow::Result<QueryResult> Query(const QueryRequest& request) override {
    return engine_.Run(source_, request);
  }

 private:
  exec::MemorySource source_;
  exec::Engine engine_{exec::EngineOptions{}};
};

}  // namespace

std::unique_ptr<TestStorage> MakeMemoryStorage() { return std::make_unique<MemoryStorage>(); }

}  // namespace larnax::promqltest
