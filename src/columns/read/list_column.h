#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/status.h>

#include "columns/format/encodings.h"
#include "columns/format/parquet_format.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/string_dictionary.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Most elements of one list. Writers refuse longer ones, readers take them for damage.
inline constexpr int64_t kMaxListLength = int64_t{NativeHistogram::kMaxBuckets};

/// Length of a list that is NULL.
inline constexpr int32_t kNullList = -1;

/// The lists of one column, row after row.
template <typename T>
struct ListColumn {
  std::vector<int32_t> lengths;  ///< Shape [rows]; kNullList for NULL.
  std::vector<T> values;         ///< All elements.

  void Add(std::span<const T> list) {
    lengths.push_back(static_cast<int32_t>(list.size()));
    values.insert(values.end(), list.begin(), list.end());
  }
  void AddNull() { lengths.push_back(kNullList); }
  void clear() {
    lengths.clear();
    values.clear();
  }
};

/// Encode a column of lists whose elements are never NULL, one leaf. Integers are PLAIN; doubles
/// PLAIN or BYTE_STREAM_SPLIT, whichever is smaller, page by page. No smallest and largest value.
///
/// \param optional  Whether a list may be NULL.
/// \param context   A page has at most `page_rows` rows, and ends earlier where lists are long.
EncodedChunk EncodeLists(const ListColumn<int32_t>& column, bool optional,
                         const ChunkContext& context);
EncodedChunk EncodeLists(const ListColumn<int64_t>& column, bool optional,
                         const ChunkContext& context);
EncodedChunk EncodeLists(const ListColumn<double>& column, bool optional,
                         const ChunkContext& context);
/// The same of strings, given as codes: dictionary-encoded where strings come twice or more on
/// average, else PLAIN.
EncodedChunk EncodeLists(const ListColumn<uint32_t>& codes, const StringDictionary& dictionary,
                         bool optional, const ChunkContext& context);

/// Levels of a decoded page of lists.
struct ListPage {
  std::vector<int32_t> lengths;  ///< Shape [rows of the page].
  int64_t values = 0;            ///< Elements of all lists.
  std::string_view body;         ///< The encoded elements.
};

/// Read the levels of a page.
///
/// \param rows  That the page has by the offset index.
/// \retval kCorrupt Not so many rows, or levels that make no lists.
arrow::Status DecodeListLevels(const PageHeader& header, std::string_view body, bool optional,
                               int64_t rows, ListPage* page);

/// Decode the elements of a page; appended to `values`.
///
/// \retval kCorrupt Another encoding, or not page.values of them.
arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<int32_t>* values);
arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<int64_t>* values);
arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<double>* values);
/// Strings as views into the page's body, or into `dictionary`'s strings.
arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::span<const std::string_view> dictionary,
                               std::vector<std::string_view>* values);

}  // namespace larnax::columns
