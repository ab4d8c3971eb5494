#include "columns/format/page_codec.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "larnax/error.h"

namespace larnax::columns {

namespace {

// Smaller pages: zstd takes what its level has for their size.
constexpr size_t kLargePageBytes = size_t{1} << 19;

// For the planes of BYTE_STREAM_SPLIT, and for runs of ascending codes, zstd's optimal parser pays:
// it takes a short repeat only where it is cheaper than literals of few kinds. Tables small enough
// for the processor's caches and a window of 128 KiB lose little there: level 17 takes nearly twice
// the time for 0.7% less, level 9 a quarter of it for 4% more.
void SetShortRepeats(int shortest_repeat, ZSTD_CCtx* context) {
  ZSTD_CCtx_setParameter(context, ZSTD_c_strategy, ZSTD_btopt);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 17);
  ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 16);
  ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, 16);
  ZSTD_CCtx_setParameter(context, ZSTD_c_searchLog, 5);
  ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, shortest_repeat);
  ZSTD_CCtx_setParameter(context, ZSTD_c_targetLength, 48);
}

arrow::Status OutOfMemory() {
  return arrow::Status::OutOfMemory("memory ran out decompressing a page");
}

}  // namespace

void FreeCompressor::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

PageCompressor::PageCompressor() : context_(ZSTD_createCCtx()) {}

PageCompressor::~PageCompressor() = default;

void PageCompressor::Compress(std::string_view bytes, ZstdSettings settings, std::string* out) {
  if (context_ == nullptr) return out->clear();
  ZSTD_CCtx* context = context_.get();
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, settings.level);
  if (settings.shortest_repeat > 0) {
    SetShortRepeats(settings.shortest_repeat, context);
  } else if (settings.window_log > 0 && bytes.size() >= kLargePageBytes) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, settings.window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, settings.long_distance);
  }
  out->resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress2(context, out->data(), out->size(), bytes.data(), bytes.size());
  // Only memory can fail here, as the room is enough and the parameters are ours.
  out->resize(ZSTD_isError(size) == 0 ? size : 0);
}

StreamSizer::StreamSizer(int level) : level_(level), context_(ZSTD_createCCtx()) { Restart(); }

StreamSizer::~StreamSizer() = default;

void StreamSizer::Restart() {
  if (context_ == nullptr) return;
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level_);
}

int64_t StreamSizer::Add(std::string_view bytes) {
  const auto plain = static_cast<int64_t>(bytes.size());
  if (context_ == nullptr) return plain;
  out_.resize(ZSTD_compressBound(bytes.size()));
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t size = 0;
  size_t left = 0;
  do {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    left = ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_flush);
    // Only memory can fail here.
    if (ZSTD_isError(left) != 0) return plain;
    size += out.pos;
  } while (left > 0 || in.pos < in.size);
  return static_cast<int64_t>(size);
}

arrow::Status DecompressPage(std::string_view compressed, std::span<uint8_t> out) {
  // A context costs more than a small page; it holds no state between calls, so that one per thread
  // cannot be told from none.
  thread_local std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(nullptr, ZSTD_freeDCtx);
  if (context == nullptr) context.reset(ZSTD_createDCtx());
  if (context == nullptr) return OutOfMemory();
  const size_t size = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), compressed.data(),
                                          compressed.size());
  if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) return OutOfMemory();
  if (ZSTD_isError(size) != 0 || size != out.size()) {
    return MakeError(ErrorKind::kCorrupt, "cannot decompress page");
  }
  return arrow::Status::OK();
}

uint32_t PageChecksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace larnax::columns
