#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <arrow/status.h>

#include "columns/format/list_column.h"
#include "columns/format/parquet_format.h"

namespace larnax::columns {

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
