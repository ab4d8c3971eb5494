#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "larnax/samples.h"

namespace larnax::wire {

/// Encodings of chunks, numbered as in remote read's message `Chunk`.
enum class ChunkType : uint8_t { kXor = 1, kHistogram = 2, kFloatHistogram = 3 };

/// The samples of one series as chunks in time order.
struct SeriesChunks {
  std::string fields;          ///< Fields `chunks` of a message `ChunkedSeries`, one a chunk.
  std::vector<uint32_t> ends;  ///< Where each of them ends in `fields`.
};

/// Most samples in one chunk.
inline constexpr int kMaxChunkSamples = 120;

/// Encode all samples of a series, floats and histograms, as chunks of one kind each.
SeriesChunks EncodeChunks(const SeriesSamples& series);

}  // namespace larnax::wire
