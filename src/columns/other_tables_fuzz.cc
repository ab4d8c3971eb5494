// Input: a byte that says which table and how, then either places in a good file's pages and what
// to write there (checksums are made anew, so that the meaning of the bytes is tried), or the bytes
// of a whole file.
//
// Whatever the bytes, the readers and checks of histograms, exemplars and metadata must not crash,
// and must fail with kCorrupt or Invalid if they fail. What they give is what queries calculate
// with.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "columns/check/other_tables_check.h"
#include "columns/other_tables_for_test.h"
#include "columns/rewrite_for_test.h"
#include "columns/write/metadata_file.h"
#include "io/sim_file_system.h"
#include "model/float_histogram.h"

namespace larnax::columns {
namespace {

enum class FuzzTable : uint8_t { kHistograms, kExemplars, kMetadata };

constexpr char kGood[] = "good.parquet";
constexpr char kBad[] = "bad.parquet";
constexpr char kIndex[] = "series.parquet";

void WriteGood(io::FileSystem& fs, FuzzTable table) {
  const WriterOptions options{.tier = Tier::kMerged, .row_group_rows = 12};
  switch (table) {
    case FuzzTable::kHistograms: {
      const auto series = AwkwardHistograms(3, 4, 9);
      LARNAX_CHECK(WriteHistograms(fs, series, ColumnsOf(series, 3), options, kGood, kIndex).ok());
      return;
    }
    case FuzzTable::kExemplars: {
      const auto series = AwkwardExemplars(3, 4, 9);
      LARNAX_CHECK(WriteExemplars(fs, series, ColumnsOf(series, 3), options, kGood, kIndex).ok());
      return;
    }
    case FuzzTable::kMetadata: {
      const std::vector<MetadataRow> rows = {{"a", "counter", "of a", "", 1, 2},
                                             {"b", "gauge", "of b", "bytes", 3, 4},
                                             {"b", "gauge", "of b", "s", 3, 4}};
      LARNAX_CHECK(WriteMetadataFile(fs, kGood, rows, options).ok());
    }
  }
}

// What queries do to histograms, each with the one before.
void Use(const HistogramRows& rows) {
  model::FloatHistogram previous;
  for (const HistogramSample& sample : rows.samples) {
    auto histogram = model::FloatHistogram::FromNative(*sample.histogram);
    (void)histogram.Buckets();
    (void)histogram.DetectReset(previous);
    (void)model::HistogramQuantile(histogram, 0.5);
    model::FloatHistogram sum = histogram;
    if (sum.Add(previous).has_value()) {
      sum.Compact();
      (void)sum.Buckets();
    }
    sum.Trim(1, true);
    sum.ReduceTo(model::FloatHistogram::kMinSchema);
    (void)sum.Buckets();
    previous = std::move(histogram);
  }
}
void Use(const ExemplarRows&) {}

template <typename Reader, typename Rows>
arrow::Status ReadAll(io::FileSystem& fs) {
  ARROW_ASSIGN_OR_RAISE(const auto table, OpenTableFiles<Reader>(fs, kBad, kIndex));
  Rows rows;
  // As if it were one series, whatever the index of the good file says.
  const SeriesExtent whole{.row_count = table.data->rows(), .max_time_ms = kMaxTimeMs};
  CheckRead(table.data->Read({&whole, 1}, TimeRange(), &rows, nullptr));
  Use(rows);
  CheckRead(table.data->Read({&table.extents[1], 1}, {0, 1 << 30}, &rows, nullptr));
  return table.data->Read(table.extents, TimeRange(), &rows, nullptr);
}

void ReadBad(io::FileSystem& fs, FuzzTable table) {
  switch (table) {
    case FuzzTable::kHistograms:
      CheckRead(ReadAll<HistogramsReader, HistogramRows>(fs));
      CheckRead(VerifyHistogramsFile(fs, kBad, kIndex).status());
      break;
    case FuzzTable::kExemplars:
      CheckRead(ReadAll<ExemplarsReader, ExemplarRows>(fs));
      CheckRead(VerifyExemplarsFile(fs, kBad, kIndex).status());
      break;
    case FuzzTable::kMetadata:
      CheckRead(ReadMetadataFile(fs.OpenReadable(kBad).ValueOrDie(), nullptr).status());
      CheckRead(VerifyMetadataFile(fs, kBad).status());
      return;
  }
  CheckRead(RebuildIndexWithoutValues(fs, kBad, "rebuilt.parquet", {}).status());
}

}  // namespace
}  // namespace larnax::columns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax;
  using namespace larnax::columns;
  if (size == 0) return 0;
  const auto table = static_cast<FuzzTable>(data[0] % 3);
  const bool is_whole_file = (data[0] & 0x80) != 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  io::SimFileSystem fs(1);
  WriteGood(fs, table);
  if (is_whole_file) {
    const auto file = fs.Create(kBad).ValueOrDie();
    LARNAX_CHECK(file->Append(rest).ok());
    LARNAX_CHECK(file->Close().ok());
  } else {
    LARNAX_CHECK(DamageFile(fs, kGood, kBad, rest).ok());
  }
  ReadBad(fs, table);
  return 0;
}
