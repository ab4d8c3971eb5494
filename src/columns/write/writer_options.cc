#include "columns/write/writer_options.h"

#include "columns/write/chunk_encoder.h"

namespace larnax::columns {
namespace {

int ZstdLevel(Tier tier) {
  switch (tier) {
    case Tier::kFresh:
      return 1;
    case Tier::kMerged:
      return 3;
    case Tier::kDay:
      return 9;
  }
  return 3;
}

}  // namespace

ChunkContext ContextFor(const WriterOptions& options, PageCompressor* compressor, bool series) {
  ChunkContext context;
  context.compressor = compressor;
  context.zstd = {ZstdLevel(options.tier), 0, false};
  context.page_rows = series ? options.series_page_rows : 0;
  context.try_encodings = options.tier != Tier::kFresh;
  context.wide_compat = options.wide_compat;
  return context;
}

}  // namespace larnax::columns
