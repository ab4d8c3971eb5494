// Input: a byte that says which of the two files is bad, how, and what is tried on it, then either
// places in a good file's pages and what to write there (checksums are made anew, so that the
// meaning of the bytes is tried), or the bytes of a whole file.
//
// Whatever the bytes, readers, index and checks of `samples` must not crash, and must fail with
// kCorrupt or Invalid if they fail; what the index answers by another way is the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "columns/check/file_check.h"
#include "columns/file_for_test.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "columns/rewrite_for_test.h"
#include "io/sim_file_system.h"

namespace larnax::columns {
namespace {

constexpr char kData[] = "data.parquet";
constexpr char kSeries[] = "series.parquet";
constexpr char kBad[] = "bad.parquet";

struct GoodFiles {
  std::string data;
  std::string series;
};

GoodFiles MakeGood(int64_t summary_min_rows) {
  io::SimFileSystem fs(1);
  const WriterOptions options{.row_group_rows = 24, .summary_min_rows = summary_min_rows};
  const auto series = AwkwardSeries(5, 6, 12);
  LARNAX_CHECK(WriteSeries(fs, series, ColumnsFor(series, 9), options, kData, kSeries).ok());
  return {io::ReadFile(fs, kData).ValueOrDie(), io::ReadFile(fs, kSeries).ValueOrDie()};
}

void WriteBytes(io::FileSystem& fs, const std::string& path, std::string_view bytes) {
  const auto file = fs.Create(path).ValueOrDie();
  LARNAX_CHECK(file->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}).ok());
  LARNAX_CHECK(file->Close().ok());
}

void WriteGood(io::FileSystem& fs, bool with_values) {
  static const GoodFiles kWith = MakeGood(0);
  static const GoodFiles kWithout = MakeGood(1'000'000);
  const GoodFiles& good = with_values ? kWith : kWithout;
  WriteBytes(fs, kData, good.data);
  WriteBytes(fs, kSeries, good.series);
}

std::vector<uint32_t> AllRows(const SeriesIndex& index) {
  std::vector<uint32_t> rows(static_cast<size_t>(index.size()));
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

arrow::Status ReadIndex(const SeriesIndex& index, std::vector<SeriesExtent>* extents) {
  const std::vector<uint32_t> rows = AllRows(index);
  CheckRead(index.Values(rows, nullptr).status());
  CheckRead(index.SeriesIds(rows, nullptr).status());
  CheckRead(index.DistinctNames(nullptr).status());
  CheckRead(index.DistinctNames(rows, nullptr).status());
  for (const std::string& name : index.label_names()) {
    CheckRead(index.DistinctValues(name, nullptr).status());
    CheckRead(index.DistinctValues(name, rows, nullptr).status());
  }
  for (const char* selector : {"metric_1", "{job!=\"v1\"}", "{missing=\"\",Pod=~\"v[0-3]\"}"}) {
    const auto matchers = ParseSelector(selector).ValueOrDie();
    const auto found = index.Match(matchers, TimeRange(), nullptr);
    CheckRead(found.status());
    if (!found.ok()) continue;
    LARNAX_CHECK(std::is_sorted(found->begin(), found->end()));
    LARNAX_CHECK(found->empty() || found->back() < rows.size());
    CheckRead(index.LabelsOf(*found, nullptr).status());
  }
  const std::vector<std::string> some = {"Pod", "job"};
  CheckRead(index.LabelsOf(rows, some, true, nullptr).status());
  CheckRead(index.LabelsOf(rows, some, false, nullptr).status());
  const auto labels = index.LabelsOf(rows, nullptr);
  CheckRead(labels.status());
  for (size_t i = 0; labels.ok() && i < labels->size(); ++i) (void)(*labels)[i].ToString();
  ARROW_ASSIGN_OR_RAISE(*extents, index.Extents(rows, nullptr));
  return arrow::Status::OK();
}

arrow::Status ReadBad(io::FileSystem& fs, const std::string& data, const std::string& series) {
  std::vector<SeriesExtent> extents;
  auto index_file = fs.OpenReadable(series).ValueOrDie();
  const auto index = SeriesIndex::Open(std::move(index_file), nullptr);
  if (index.ok()) CheckRead(ReadIndex(**index, &extents));
  CheckRead(index.status());
  ARROW_ASSIGN_OR_RAISE(auto file, fs.OpenReadable(data));
  ARROW_ASSIGN_OR_RAISE(const auto reader, SamplesReader::Open(std::move(file), nullptr));
  std::vector<RowRange> ranges;
  for (const SeriesExtent& extent : extents) ranges.push_back({extent.row_start, extent.row_count});
  if (ranges.empty()) ranges.push_back({0, reader->rows()});
  std::vector<int64_t> times;
  std::vector<double> values;
  CheckRead(reader->WillRead(ranges, nullptr));
  CheckRead(reader->ReadTimes(ranges, &times, nullptr));
  CheckRead(reader->ReadStarts(ranges, &times, nullptr));
  return reader->ReadValues(ranges, &values, nullptr);
}

}  // namespace
}  // namespace larnax::columns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax;           // NOLINT(google-build-using-namespace)
  using namespace larnax::columns;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const bool is_index = (data[0] & 1) != 0;
  const bool is_whole_file = (data[0] & 0x80) != 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  io::SimFileSystem fs(1);
  WriteGood(fs, (data[0] & 2) != 0);
  if (is_whole_file) {
    WriteBytes(fs, kBad, {reinterpret_cast<const char*>(rest.data()), rest.size()});
  } else {
    LARNAX_CHECK(DamageFile(fs, is_index ? kSeries : kData, kBad, rest).ok());
  }
  const std::string data_path = is_index ? kData : kBad;
  const std::string series_path = is_index ? kBad : kSeries;
  CheckRead(ReadBad(fs, data_path, series_path));
  // Each of these takes as long as all of the above.
  if ((data[0] & 4) != 0) {
    CheckRead(VerifyFile(fs, data_path, series_path).status());
    CheckRead(InspectFile(fs, kBad).status());
  }
  if ((data[0] & 8) != 0) CheckRead(RebuildIndex(fs, data_path, "rebuilt.parquet", {}).status());
  return 0;
}
