// Input: a byte that says what the rest is: a footer, a page header, an offset index, bytes in one
// of the encodings (a byte more tells the bit width or how many values), or values to encode.
//
// Whatever the bytes: decoding them must not crash, and must fail with kCorrupt if it fails. What a
// parser takes is written and parsed to the same bytes again, and values come back from every
// encoding with every bit.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "columns/format/encodings.h"
#include "columns/format/page_codec.h"
#include "columns/format/parquet_file.h"
#include "columns/format/parquet_format.h"
#include "columns/schema/schema.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

void CheckStatus(const arrow::Status& status) {
  LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt);
}

void TryFooter(std::string_view bytes) {
  const auto meta = ParseFileMeta(bytes);
  CheckStatus(meta.status());
  if (!meta.ok()) return;
  const auto leaves = LeavesOf(meta->schema);
  CheckStatus(leaves.status());
  if (leaves.ok()) CheckStatus(LabelLeaves(*meta, *leaves).status());
}

void TryPageHeader(std::string_view bytes) {
  size_t size_bytes = 0;
  const auto header = ParsePageHeader(bytes, &size_bytes);
  CheckStatus(header.status());
  if (!header.ok()) return;
  LARNAX_CHECK(size_bytes <= bytes.size());
  LARNAX_CHECK(header->compressed_bytes >= 0 && header->uncompressed_bytes >= 0);
  LARNAX_CHECK(header->num_values >= 0);
}

void TryOffsetIndex(std::string_view bytes) {
  const auto pages = ParseOffsetIndex(bytes);
  CheckStatus(pages.status());
  if (!pages.ok()) return;
  std::string written;
  AppendOffsetIndex(*pages, &written);
  const auto again = ParseOffsetIndex(written);
  LARNAX_CHECK(again.ok() && again->size() == pages->size());
  for (size_t i = 0; i < pages->size(); ++i) {
    LARNAX_CHECK((*again)[i].offset == (*pages)[i].offset);
    LARNAX_CHECK((*again)[i].size_bytes == (*pages)[i].size_bytes);
    LARNAX_CHECK((*again)[i].first_row == (*pages)[i].first_row);
  }
}

int64_t ValuesOf(std::span<const Run> runs) {
  int64_t values = 0;
  for (const Run& run : runs) values += run.count;
  return values;
}

// Everything that reads a page takes it, whatever its header says.
void TryPage(int32_t num_values, int32_t encoding, std::string_view body) {
  Page page;
  page.header.num_values = num_values;
  page.header.encoding = encoding;
  page.body = body;
  const std::string dictionary(64, 'd');
  for (const bool optional : {false, true}) {
    std::vector<Run> runs;
    const auto status = DecodeCodes(page, optional, 8, &runs);
    CheckStatus(status);
    LARNAX_CHECK(!status.ok() || ValuesOf(runs) == num_values);
  }
  std::vector<std::string_view> strings;
  CheckStatus(DecodeStrings(page, &strings));
  std::vector<int64_t> ints(static_cast<size_t>(num_values));
  CheckStatus(DecodeInts(page, dictionary, ints));
  const auto split = SplitDoublePage(page.header, page.body);
  CheckStatus(split.status());
  if (!split.ok()) return;
  std::vector<double> all(static_cast<size_t>(num_values));
  DecodeDoubles(*split, 0, 0.5, all);
  std::vector<double> part(all.size() / 2);
  const size_t first = all.size() / 3;
  DecodeDoubles(*split, static_cast<int64_t>(first), 0.5, part);
  LARNAX_CHECK(part.empty() ||
               std::memcmp(part.data(), all.data() + first, part.size() * sizeof(double)) == 0);
}

void TryHybrid(int bit_width, std::string_view bytes) {
  std::vector<Run> runs;
  const auto status = DecodeHybrid(bytes, bit_width, 500, 300, &runs);
  CheckStatus(status);
  if (!status.ok()) return;
  LARNAX_CHECK(ValuesOf(runs) == 500);
  std::string written;
  AppendLevels(runs, 9, &written);
  std::string_view rest = written;
  std::vector<Run> again;
  LARNAX_CHECK(DecodeLevels(&rest, 9, 500, 300, &again).ok());
  LARNAX_CHECK(rest.empty() && again == runs);
}

void TryDelta(size_t count, std::string_view bytes) {
  std::vector<int64_t> whole(count);
  const auto status = DecodeDelta(bytes, static_cast<int64_t>(count), whole);
  CheckStatus(status);
  std::vector<int64_t> front(count / 2);
  const auto front_status = DecodeDelta(bytes, static_cast<int64_t>(count), front);
  CheckStatus(front_status);
  if (!status.ok()) return;
  LARNAX_CHECK(front_status.ok() && std::equal(front.begin(), front.end(), whole.begin()));
}

void TryDecompression(size_t size_bytes, std::string_view bytes) {
  std::vector<uint8_t> out(size_bytes);
  CheckStatus(DecompressPage(bytes, out));
}

void EncodeAndDecode(std::string_view bytes) {
  const size_t count = bytes.size() / 8;
  std::vector<int64_t> ints(count);
  std::vector<double> doubles(count);
  if (count > 0) {
    std::memcpy(ints.data(), bytes.data(), count * 8);
    std::memcpy(doubles.data(), bytes.data(), count * 8);
  }
  std::string delta;
  AppendDelta(ints, &delta);
  std::vector<int64_t> ints_again(count);
  LARNAX_CHECK(DecodeDelta(delta, static_cast<int64_t>(count), ints_again).ok());
  LARNAX_CHECK(ints_again == ints);
  std::string split;
  AppendByteStreamSplit(doubles, &split);
  for (size_t first = 0; first < count; first += 1 + count / 4) {
    std::vector<double> part(count - first);
    DecodeByteStreamSplit(split, first, part);
    LARNAX_CHECK(std::memcmp(part.data(), doubles.data() + first, part.size() * 8) == 0);
  }
  std::vector<Run> runs;
  for (const char byte : bytes) AppendRun(static_cast<uint8_t>(byte) % 5, 1, &runs);
  TryHybrid(3, delta);
  std::string levels;
  AppendLevels(runs, 3, &levels);
  std::string_view rest = levels;
  std::vector<Run> runs_again;
  const auto total = static_cast<int64_t>(bytes.size());
  LARNAX_CHECK(DecodeLevels(&rest, 3, total, 4, &runs_again).ok());
  LARNAX_CHECK(runs_again == runs);
}

}  // namespace
}  // namespace larnax::columns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::columns;  // NOLINT(google-build-using-namespace)
  if (size < 2) return 0;
  const uint8_t what = data[0];
  const uint8_t argument = data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (what % 8) {
    case 0:
      TryFooter(bytes);
      break;
    case 1:
      TryPageHeader(bytes);
      break;
    case 2:
      TryOffsetIndex(bytes);
      break;
    case 3:
      TryPage(argument, what / 8, bytes);
      break;
    case 4:
      TryHybrid(argument, bytes);
      break;
    case 5:
      TryDelta(argument, bytes);
      break;
    case 6:
      TryDecompression(argument, bytes);
      break;
    default:
      EncodeAndDecode(bytes);
  }
  return 0;
}
