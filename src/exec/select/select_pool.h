#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <arrow/result.h>

#include "exec/operator.h"
#include "exec/source.h"

namespace larnax::exec {

/// Some series of a batch.
struct SampleMorsel {
  std::shared_ptr<const SampleBatch> batch;
  std::span<const SeriesSamples> series;  ///< Empty: the end.
};

/// Reads of one query: selectors with the same matchers over ranges that overlap are read once.
///
/// First every selector says what it needs (Register), then each reads its own way through the
/// batches, to the end; a batch is freed when the last one has passed it. Not synchronized.
class SelectPool {
 public:
  /// \param source  Outlives the pool.
  SelectPool(SampleSource* source, const QueryRequest& request, ExecutionContext* context);
  ~SelectPool();

  /// Say that series are needed in a range, ends included. \return What to give to Next.
  size_t Register(const std::vector<Matcher>& matchers, TimeRange range);
  /// Read on. Morsels depend on the batches alone. May hold samples outside of the reader's range.
  /// \param steps  Of the result, for which a morsel is cut small enough.
  arrow::Result<SampleMorsel> Next(size_t reader, size_t steps);

  /// What could not be read, once for each: SampleStream::warnings.
  std::vector<std::string> Warnings() const;
  /// Add what was read to the query's stats.
  void AddStats(QueryStats* stats) const;

 private:
  struct Read;
  struct Reader {
    Read* read = nullptr;
    size_t batch = 0;   // Number of the batch that it stands in, from the first ever.
    size_t series = 0;  // Next series there.
  };

  arrow::Result<std::shared_ptr<const SampleBatch>> BatchAt(Read* read, size_t number);
  void Pass(Reader* reader);

  SampleSource* source_;
  const QueryRequest& request_;
  ExecutionContext* context_;
  std::vector<std::unique_ptr<Read>> reads_;
  std::unordered_map<std::string, std::vector<Read*>> reads_by_key_;
  std::vector<Reader> readers_;
};

}  // namespace larnax::exec
