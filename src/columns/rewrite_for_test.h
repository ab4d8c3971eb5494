#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <arrow/result.h>

#include "base/check.h"
#include "columns/format/file_builder.h"
#include "columns/format/parquet_file.h"
#include "io/file_system.h"
#include "larnax/error.h"

namespace larnax::columns {

/// What to do to the pages of a column chunk before they are written again.
using ChangePages = std::function<void(size_t group, size_t leaf, ChunkPages* pages)>;

/// Write a file again with other page contents, checksums and offsets made anew: damage that only
/// the meaning of the bytes can tell.
inline arrow::Status RewriteFile(io::FileSystem& fs, const std::string& from, const std::string& to,
                                 const ChangePages& change) {
  ARROW_ASSIGN_OR_RAISE(auto opened, fs.OpenReadable(from));
  ARROW_ASSIGN_OR_RAISE(const auto file, ParquetFile::Open(std::move(opened), nullptr, 0));
  ARROW_ASSIGN_OR_RAISE(auto out, fs.Create(to));
  FileBuilder builder(std::move(out));
  PageCompressor compressor;
  const ZstdSettings zstd{.level = 1};
  FileMeta meta = file->meta();
  for (size_t group = 0; group < meta.row_groups.size(); ++group) {
    for (size_t leaf = 0; leaf < file->leaves().size(); ++leaf) {
      ChunkMeta& old = meta.row_groups[group].chunks[leaf];
      ARROW_ASSIGN_OR_RAISE(ChunkPages pages, file->ReadChunk(group, leaf, nullptr));
      ARROW_ASSIGN_OR_RAISE(const auto locations, file->PagesOf(group, leaf, nullptr));
      change(group, leaf, &pages);
      EncodedChunk chunk;
      for (size_t i = 0; i < pages.data.size(); ++i) {
        const PageHeader& header = pages.data[i].header;
        AddDataPage(pages.data[i].body, static_cast<Encoding>(header.encoding), header.num_values,
                    (*locations)[i].first_row, &compressor, zstd, &chunk);
      }
      if (old.dictionary_page_offset > 0) {
        const PageHeader& header = pages.dictionary.header;
        AddDictionaryPage(pages.dictionary.body, header.num_values, header.is_sorted, &compressor,
                          zstd, &chunk);
      }
      chunk.bounds = old.bounds;
      ARROW_ASSIGN_OR_RAISE(old, builder.WriteChunk(chunk));
    }
  }
  return builder.Finish(std::move(meta)).status();
}

/// Change pages of one column chunk. \param places  As DamageFile.
inline void DamagePages(std::span<const uint8_t> places, size_t leaf, ChunkPages* pages) {
  for (; places.size() >= 5; places = places.subspan(5)) {
    if (places[0] != leaf) continue;
    const bool in_dictionary = (places[1] & 1) != 0;
    Page& page = in_dictionary
                     ? pages->dictionary
                     : pages->data[static_cast<size_t>(places[1] >> 4) % pages->data.size()];
    if ((places[1] & 2) != 0) {
      page.header.num_values = (places[2] | places[3] << 8) - 4;
    } else if ((places[1] & 4) != 0) {
      page.header.encoding = places[2] % 12;
    } else if ((places[1] & 8) != 0) {
      page.body.resize(static_cast<size_t>(places[2] | places[3] << 8),
                       static_cast<char>(places[4]));
    } else if (!page.body.empty()) {
      const size_t at = static_cast<size_t>(places[2] | places[3] << 8) % page.body.size();
      page.body[at] = static_cast<char>(places[4]);
    }
  }
}

/// Write a file again with pages changed, as the input of a fuzzer says.
///
/// \param places  Each five bytes: a column, a page or part of its header, a place (2), a value.
inline arrow::Status DamageFile(io::FileSystem& fs, const std::string& from, const std::string& to,
                                std::span<const uint8_t> places) {
  return RewriteFile(fs, from, to, [&](size_t, size_t leaf, ChunkPages* pages) {
    DamagePages(places, leaf, pages);
  });
}

/// Check that what was read of such a file was good, or was refused as it should be.
inline void CheckRead(const arrow::Status& status) {
  LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt || status.IsInvalid());
}

/// Find the first leaf of a column.
inline size_t LeafOf(const ParquetFile& file, std::string_view column) {
  for (size_t i = 0; i < file.leaves().size(); ++i) {
    if (file.leaves()[i].path[0] == column) return i;
  }
  return file.leaves().size();
}

}  // namespace larnax::columns
