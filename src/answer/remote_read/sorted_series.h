#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "larnax/database.h"
#include "wire/remote_read/series_chunks.h"

namespace larnax::answer {

/// A series ready to be sent: its labels, external ones among them, and its encoded samples.
struct PreparedSeries {
  Labels labels;
  Labels stored;  ///< The labels it is kept under; tells series of equal `labels` apart.
  wire::SeriesChunks chunks;
  int64_t sample_count = 0;
};

/// Encode the samples of a series; ends may be left empty.
using EncodeSeries = std::function<wire::SeriesChunks(const SeriesSamples&)>;

/// Reads selected series in the order of their labels, as remote read demands and files do not
/// have them.
///
/// Series of a metric are encoded, kept and sorted; all of them, where a label's name comes before
/// `__name__`. What does not fit into the memory allowed is read again in a later pass. Not safe to
/// use from two threads.
class SortedSeries {
 public:
  struct Options {
    LabelsView external_labels;      ///< Added to series that lack them; must outlive this.
    int64_t max_buffered_bytes = 0;  ///< Of encoded samples, or one series where that is larger.
    bool labels_only = false;        ///< Leave all samples out.
  };

  /// \param database  Must outlive this.
  static arrow::Result<std::unique_ptr<SortedSeries>> Open(Database* database,
                                                           SelectRequest request,
                                                           EncodeSeries encode, Options options);

  /// Give the next series; nullptr at the end. Valid until the next call.
  ///
  /// \retval As SampleStream::Next.
  arrow::Result<PreparedSeries*> Next();

 private:
  // A stream, series by series.
  struct Cursor {
    std::unique_ptr<SampleStream> stream;
    SampleBatch batch;
    size_t next = 0;
    bool done = false;
    /// The next series; nullptr at the end.
    arrow::Result<const SeriesSamples*> Peek();
  };

  SortedSeries(Database* database, SelectRequest request, EncodeSeries encode, Options options)
      : database_(database),
        request_(std::move(request)),
        encode_(std::move(encode)),
        options_(options) {}

  arrow::Status Start();
  arrow::Status StartLabelsOnly();
  arrow::Result<bool> IsOrderedByMetric();
  arrow::Status LoadGroup();
  arrow::Status LoadRest();
  arrow::Status Collect(Cursor* cursor);
  void Add(const SeriesSamples& series);
  void SortGroup();

  Database* database_;
  SelectRequest request_;
  EncodeSeries encode_;
  Options options_;
  bool by_metric_ = false;  // Whether a group is one metric; else it is everything.

  Cursor cursor_;
  std::string metric_;  // Of the group.
  bool any_group_ = false;
  std::vector<PreparedSeries> group_;  // While it is collected: a heap, the largest in front.
  int64_t group_bytes_ = 0;
  bool incomplete_ = false;               // Series were left for another pass.
  std::optional<PreparedSeries> resume_;  // The last one of the pass before, without samples.
  size_t next_ = 0;
};

}  // namespace larnax::answer
