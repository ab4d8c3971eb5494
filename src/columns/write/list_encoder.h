#pragma once

#include "columns/format/list_column.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/string_dictionary.h"

namespace larnax::columns {

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

}  // namespace larnax::columns
