#include <cstdint>
#include <string>

#include "columns/file_for_test.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "test/matchers.h"

namespace larnax::columns {
namespace {

// Calls `open` with each byte of the footer of a file damaged in turn.
template <typename Open>
void ExpectEachByteNoticed(io::SimFileSystem& fs, const std::string& path, int64_t footer_bytes,
                           const Open& open) {
  ASSERT_OK(open());
  const int64_t end = fs.OpenReadable(path).ValueOrDie()->size_bytes();
  for (int64_t at = end - footer_bytes; at < end; ++at) {
    const auto mask = static_cast<uint8_t>(1 << (at % 8));
    ASSERT_OK(fs.Corrupt(path, at, mask));
    const auto opened = open();
    EXPECT_THAT(opened, test::IsKind(ErrorKind::kCorrupt)) << at;
    EXPECT_THAT(opened, test::HasMessage("path=" + path));
    ASSERT_OK(fs.Corrupt(path, at, mask));
  }
}

TEST(FooterChecksum, ADamagedFooterIsNeverBelieved) {
  io::SimFileSystem fs(1);
  const std::vector<TestSeries> series = AwkwardSeries(1, 20, 30);
  ASSERT_OK_AND_ASSIGN(const FileSummary summary, WriteSeries(fs, series, ColumnsFor(series), {}));
  ExpectEachByteNoticed(fs, "data.parquet", summary.data_footer_bytes, [&] {
    return SamplesReader::Open(fs.OpenReadable("data.parquet").ValueOrDie(), nullptr,
                               summary.data_footer_bytes, summary.data_footer_crc32c)
        .status();
  });
  ExpectEachByteNoticed(fs, "series.parquet", summary.series_footer_bytes, [&] {
    return SeriesIndex::Open(fs.OpenReadable("series.parquet").ValueOrDie(), nullptr,
                             summary.series_footer_bytes, summary.series_footer_crc32c)
        .status();
  });
}

}  // namespace
}  // namespace larnax::columns
