#include "columns/check/other_tables_check.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/check/file_check.h"
#include "columns/other_tables_for_test.h"
#include "columns/rewrite_for_test.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "columns/write/metadata_file.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kData[] = "data.parquet";
constexpr char kIndex[] = "series.parquet";

/// The two tables of series behind one face.
struct Histograms {
  using Reader = HistogramsReader;
  static arrow::Status Write(io::FileSystem& fs, uint64_t seed, int series, int64_t rows, int cap,
                             const WriterOptions& options, const std::string& data = kData,
                             const std::string& index = kIndex) {
    const auto all = AwkwardHistograms(seed, series, rows);
    return WriteHistograms(fs, all, ColumnsOf(all, cap), options, data, index).status();
  }
  static auto Verify(io::FileSystem& fs) { return VerifyHistogramsFile(fs, kData, kIndex); }
  static arrow::Status Read(const OpenTable<Reader>& table, std::vector<std::string>* all) {
    HistogramRows rows;
    ARROW_RETURN_NOT_OK(table.data->Read(table.extents, TimeRange(), &rows, nullptr));
    for (const HistogramSample& sample : rows.samples) {
      const NativeHistogram& h = *sample.histogram;
      all->push_back(std::to_string(sample.time_ms) + " " + std::to_string(sample.start_ms) + " " +
                     std::to_string(h.schema) + " " + std::to_string(h.integer_count) + " " +
                     std::to_string(std::bit_cast<uint64_t>(h.sum)));
      for (const int64_t count : h.integer_positive) all->push_back(std::to_string(count));
      for (const double count : h.negative) all->push_back(std::to_string(count));
    }
    return arrow::Status::OK();
  }
};

struct Exemplars {
  using Reader = ExemplarsReader;
  static arrow::Status Write(io::FileSystem& fs, uint64_t seed, int series, int64_t rows, int cap,
                             const WriterOptions& options, const std::string& data = kData,
                             const std::string& index = kIndex) {
    const auto all = AwkwardExemplars(seed, series, rows);
    return WriteExemplars(fs, all, ColumnsOf(all, cap), options, data, index).status();
  }
  static auto Verify(io::FileSystem& fs) { return VerifyExemplarsFile(fs, kData, kIndex); }
  static arrow::Status Read(const OpenTable<Reader>& table, std::vector<std::string>* all) {
    ExemplarRows rows;
    ARROW_RETURN_NOT_OK(table.data->Read(table.extents, TimeRange(), &rows, nullptr));
    for (const ExemplarRow& row : rows.rows) {
      all->push_back(std::to_string(row.time_ms) + " " +
                     std::to_string(std::bit_cast<uint64_t>(row.value)) + std::string(row.labels));
    }
    return arrow::Status::OK();
  }
};

template <typename Table>
class OtherTablesCheck : public testing::Test {
 protected:
  /// All that a reader finds, as texts.
  static arrow::Result<std::vector<std::string>> ReadAll(io::FileSystem& fs) {
    std::vector<std::string> all;
    ARROW_ASSIGN_OR_RAISE(const auto table, OpenTableFiles<typename Table::Reader>(fs));
    for (size_t i = 0; i < table.extents.size(); ++i) {
      all.emplace_back(table.labels[i].bytes());
    }
    ARROW_RETURN_NOT_OK(Table::Read(table, &all));
    return all;
  }
};

using Tables = testing::Types<Histograms, Exemplars>;
TYPED_TEST_SUITE(OtherTablesCheck, Tables);

const WriterOptions kSmallGroups{
    .tier = Tier::kMerged, .row_group_rows = 25, .series_page_rows = 8};

TYPED_TEST(OtherTablesCheck, FindsNothingWrongWithGoodFilesAndRebuildsTheirIndex) {
  for (const WriterOptions& options :
       {kSmallGroups, WriterOptions{.tier = Tier::kFresh}, WriterOptions{.tier = Tier::kDay}}) {
    for (const int cap : {0, 4, 256}) {
      io::SimFileSystem fs(1);
      ASSERT_TRUE(TypeParam::Write(fs, 21, 30, 30, cap, options).ok());
      EXPECT_THAT(TypeParam::Verify(fs).ValueOrDie(), IsEmpty());
      ASSERT_TRUE(RebuildIndexWithoutValues(fs, kData, "rebuilt.parquet", options).ok());
      EXPECT_TRUE(io::ReadFile(fs, "rebuilt.parquet").ValueOrDie() ==
                  io::ReadFile(fs, kIndex).ValueOrDie());
    }
  }
}

TYPED_TEST(OtherTablesCheck, FindsAnIndexOfAnotherFile) {
  io::SimFileSystem fs(1);
  ASSERT_TRUE(TypeParam::Write(fs, 22, 20, 30, 256, kSmallGroups, kData, "other").ok());
  ASSERT_TRUE(TypeParam::Write(fs, 23, 20, 30, 256, kSmallGroups, "other2", kIndex).ok());
  const auto problems = TypeParam::Verify(fs).ValueOrDie();
  EXPECT_THAT(problems, Contains(HasSubstr("index has other labels")));
  EXPECT_THAT(problems, Contains(HasSubstr("index has other rows or times")));
}

TYPED_TEST(OtherTablesCheck, FindsAnyFlippedByteBehindTheMagicAndBeforeTheFooter) {
  io::SimFileSystem fs(1);
  ASSERT_TRUE(TypeParam::Write(fs, 24, 5, 8, 256, {}).ok());
  for (const std::string path : {kData, kIndex}) {
    const FileReport report = InspectFile(fs, path).ValueOrDie();
    for (int64_t at = 4; at < report.file_bytes - report.footer_bytes; at += 3) {
      ASSERT_TRUE(fs.Corrupt(path, at, 0x10).ok());
      const auto problems = TypeParam::Verify(fs);
      ASSERT_TRUE(problems.ok()) << problems.status().ToString();
      EXPECT_FALSE(problems->empty()) << path << " at=" << at;
      ASSERT_TRUE(fs.Corrupt(path, at, 0x10).ok());
    }
  }
}

TYPED_TEST(OtherTablesCheck, ReadersGiveAnErrorOrTheSameDataOfADamagedFile) {
  io::SimFileSystem fs(1);
  ASSERT_TRUE(TypeParam::Write(fs, 25, 5, 8, 256, kSmallGroups).ok());
  const auto want = this->ReadAll(fs).ValueOrDie();
  const FileReport report = InspectFile(fs, kData).ValueOrDie();
  for (int64_t at = 0; at < report.file_bytes; at += 2) {
    ASSERT_TRUE(fs.Corrupt(kData, at, 0x11).ok());
    const auto got = this->ReadAll(fs);
    if (!got.ok()) {
      EXPECT_TRUE(KindOf(got.status()) == ErrorKind::kCorrupt || got.status().IsInvalid())
          << got.status().ToString();
    } else if (at < report.file_bytes - report.footer_bytes) {
      // The footer has no checksum of its own: the manifest holds one.
      EXPECT_TRUE(*got == want) << at;
    }
    ASSERT_TRUE(fs.Corrupt(kData, at, 0x11).ok());
  }
}

TEST(OtherTablesCheckMetadata, FindsAnyFlippedByte) {
  io::SimFileSystem fs(1);
  const std::vector<MetadataRow> rows = {{"a", "counter", "of a", "", 1, 2},
                                         {"b", "gauge", "of b", "bytes", 3, 4}};
  ASSERT_TRUE(WriteMetadataFile(fs, kData, rows, {}).ok());
  EXPECT_THAT(VerifyMetadataFile(fs, kData).ValueOrDie(), IsEmpty());
  const FileReport report = InspectFile(fs, kData).ValueOrDie();
  for (int64_t at = 4; at < report.file_bytes - report.footer_bytes; ++at) {
    ASSERT_TRUE(fs.Corrupt(kData, at, 0x10).ok());
    EXPECT_FALSE(VerifyMetadataFile(fs, kData).ValueOrDie().empty()) << at;
    ASSERT_TRUE(fs.Corrupt(kData, at, 0x10).ok());
  }
}

/// One histogram with two positive spans, integer counts.
std::shared_ptr<const NativeHistogram> TwoSpans() {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->is_integer = true;
  histogram->integer_count = 6;
  histogram->sum = 2.5;
  histogram->positive_spans = {{3, 2}, {4, 1}};
  histogram->integer_positive = {1, 2, 3};
  return histogram;
}

/// One histogram of three custom buckets, of which the middle one is left out.
std::shared_ptr<const NativeHistogram> TwoOfThree() {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->schema = NativeHistogram::kCustomBounds;
  histogram->count = 3;
  histogram->positive_spans = {{0, 1}, {1, 1}};
  histogram->positive = {1, 2};
  histogram->custom_bounds = {-1, 1};
  return histogram;
}

/// A change of one column's page body that checksums do not tell.
struct Damage {
  const char* name;
  std::string_view column;
  size_t from_end;  // Where to put `bytes`, counted from the end of the body.
  std::string bytes;
  const char* message;
};

std::string Bytes(auto value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }

void ExpectCorrupt(std::shared_ptr<const NativeHistogram> histogram,
                   const std::vector<Damage>& all) {
  io::SimFileSystem fs(1);
  const std::vector<TestHistograms> series = {
      {MakeLabels({{"__name__", "m"}}), {{1000, 0, std::move(histogram)}}}};
  ASSERT_TRUE(WriteHistograms(fs, series, {}, {.wide_compat = true}, "good", kIndex).ok());
  const auto good = ParquetFile::Open(fs.OpenReadable("good").ValueOrDie(), nullptr, 0);
  for (const Damage& damage : all) {
    SCOPED_TRACE(damage.name);
    (void)fs.RemoveFile(kData);
    const size_t wanted = LeafOf(**good, damage.column);
    ASSERT_TRUE(RewriteFile(fs, "good", kData, [&](size_t, size_t leaf, ChunkPages* pages) {
                  if (leaf != wanted) return;
                  const bool in_dictionary = pages->dictionary.header.num_values > 0;
                  std::string& body = in_dictionary ? pages->dictionary.body : pages->data[0].body;
                  body.replace(body.size() - damage.from_end, damage.bytes.size(), damage.bytes);
                }).ok());
    const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
    HistogramRows rows;
    const auto status = table.data->Read(table.extents, TimeRange(), &rows, nullptr);
    EXPECT_EQ(KindOf(status), ErrorKind::kCorrupt) << status;
    EXPECT_THAT(status.message(), HasSubstr(damage.message));
    EXPECT_THAT(status.message(), HasSubstr("path=data.parquet"));
    EXPECT_THAT(status.message(), HasSubstr("offset="));
    EXPECT_FALSE(VerifyHistogramsFile(fs, kData, kIndex).ValueOrDie().empty());
  }
}

TEST(HistogramsReader, RefusesListsThatDoNotFitEachOther) {
  ExpectCorrupt(
      TwoSpans(),
      {
          {"longer span", kPositiveLengthsColumn, 8, Bytes(int32_t{3}), "spans and buckets differ"},
          {"negative span", kPositiveLengthsColumn, 4, Bytes(int32_t{-1}), "negative length"},
          {"huge spans", kPositiveLengthsColumn, 8, Bytes(int32_t{0x7FFFFFFF}),
           "spans and buckets"},
          {"fraction", kPositiveBucketsColumn, 8, Bytes(1.5), "not an integer"},
          {"nan", kPositiveBucketsColumn, 8, Bytes(std::bit_cast<double>(kStaleBits)),
           "not an integer"},
          {"large", kPositiveBucketsColumn, 8, Bytes(1e300), "not an integer"},
          {"negative count", kCountColumn, 8, Bytes(-1.0), "not an integer"},
          {"stale sum", kSumColumn, 8, Bytes(kStaleBits), "sum and stale disagree"},
          {"stale flag", kStaleColumn, 1, "\x01", "sum and stale disagree"},
          {"hint", kCounterResetHintColumn, 3, "xyz", "unknown value"},
          {"list levels", kPositiveLengthsColumn, 12, std::string(4, '\xFF'), "cannot decode"},
      });
}

TEST(HistogramsReader, RefusesBucketsThatDoNotExist) {
  const std::string far = Bytes(std::numeric_limits<int32_t>::max());
  ExpectCorrupt(TwoSpans(),
                {
                    {"schema", kSchemaColumn, 4, Bytes(int32_t{-64}), "unknown schema"},
                    {"fine schema", kSchemaColumn, 4, Bytes(int32_t{53}), "unknown schema"},
                    {"overlap", kPositiveOffsetsColumn, 4, Bytes(int32_t{-1}), "impossible spans"},
                    {"far bucket", kPositiveOffsetsColumn, 4, far, "impossible spans"},
                });
  ExpectCorrupt(
      TwoOfThree(),
      {
          {"no bounds", kSchemaColumn, 4, Bytes(int32_t{0}), "custom bounds do not fit"},
          {"unordered", kCustomBoundsColumn, 8, Bytes(-1.0), "custom bounds do not fit"},
          {"nan", kCustomBoundsColumn, 8, Bytes(std::nan("")), "custom bounds do not fit"},
          {"beyond", kPositiveOffsetsColumn, 4, Bytes(int32_t{2}), "custom bounds do not fit"},
          {"far beyond", kPositiveOffsetsColumn, 4, far, "custom bounds do not fit"},
          {"before", kPositiveOffsetsColumn, 8, Bytes(int32_t{-1}), "impossible spans"},
      });
}

}  // namespace
}  // namespace larnax::columns
