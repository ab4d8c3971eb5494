#pragma once

#include <memory>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/file_series.h"
#include "columns/write/writer_options.h"
#include "io/file_system.h"

namespace larnax::columns {

/// Write the index file and sync it.
arrow::Result<FooterPlace> WriteIndexFile(std::unique_ptr<io::WritableFile> file,
                                          FileSeries* series, const WriterOptions& options,
                                          PageCompressor* compressor);

}  // namespace larnax::columns
