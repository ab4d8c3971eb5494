#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <arrow/result.h>

struct ZSTD_CCtx_s;

namespace larnax::columns {

/// How hard to compress.
struct ZstdSettings {
  int level = 3;
  int window_log = 0;          ///< 0: as the level has it.
  bool long_distance = false;  ///< Look for repeats over the whole window.
  /// Not 0: repeats are short and near, and worth an optimal parse from so many bytes on (3 or 4);
  /// the others do not count then.
  int shortest_repeat = 0;
};

struct FreeCompressor {
  void operator()(ZSTD_CCtx_s* context) const;
};

/// Compresses pages with zstd; its context is kept between calls. One thread at a time.
class PageCompressor {
 public:
  PageCompressor();
  ~PageCompressor();
  PageCompressor(const PageCompressor&) = delete;
  PageCompressor& operator=(const PageCompressor&) = delete;

  /// Replace `out` by the compressed bytes; there are some. By none where memory runs out, for
  /// which FileBuilder looks.
  void Compress(std::string_view bytes, ZstdSettings settings, std::string* out);

 private:
  std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> context_;
};

/// Tells how much further bytes add to a compressed stream, by compressing it; what comes out is
/// dropped. One thread at a time.
class StreamSizer {
 public:
  /// \param level  Of zstd.
  explicit StreamSizer(int level);
  ~StreamSizer();
  StreamSizer(const StreamSizer&) = delete;
  StreamSizer& operator=(const StreamSizer&) = delete;

  /// Forget what was added.
  void Restart();
  /// Add bytes; give the size of what they became, or their own where memory runs out.
  int64_t Add(std::string_view bytes);

 private:
  const int level_;
  std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> context_;
  std::string out_;
};

/// Decompress a zstd page into memory of exactly its size.
///
/// \retval kCorrupt     Not zstd, or not of this size.
/// \retval OutOfMemory
arrow::Status DecompressPage(std::string_view compressed, std::span<uint8_t> out);

/// CRC-32 (the one of gzip) as Parquet's page checksums want it.
uint32_t PageChecksum(std::string_view bytes);

}  // namespace larnax::columns
