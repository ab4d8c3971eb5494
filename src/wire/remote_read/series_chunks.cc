#include "wire/remote_read/series_chunks.h"

#include "base/varint.h"
#include "wire/remote_read/histogram_chunk.h"
#include "wire/remote_read/xor_chunk.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {

namespace {

// A chunk of large histograms ends at this size, too.
constexpr size_t kMaxChunkBytes = 64 << 10;

// Collects chunks: at any time at most one of the two is being built.
class ChunkBuilder {
 public:
  explicit ChunkBuilder(SeriesChunks* out) : out_(out) {}

  void AddFloat(int64_t time_ms, double value) {
    if (histograms_.count() > 0 || floats_.count() == kMaxChunkSamples) Finish();
    floats_.Append(time_ms, value);
    SetTime(time_ms, floats_.count());
  }

  void AddHistogram(const HistogramSample& sample) {
    if (floats_.count() > 0 || histograms_.count() == kMaxChunkSamples ||
        histograms_.size_bytes() > kMaxChunkBytes) {
      Finish();
    }
    if (!histograms_.TryAppend(sample)) {
      Finish();
      // An empty chunk takes every sample.
      (void)histograms_.TryAppend(sample);
    }
    SetTime(sample.time_ms, histograms_.count());
  }

  void Finish() {
    if (floats_.count() > 0) {
      Put(ChunkType::kXor, floats_.Finish());
    } else if (histograms_.count() > 0) {
      const bool is_integer = histograms_.is_integer();
      Put(is_integer ? ChunkType::kHistogram : ChunkType::kFloatHistogram, histograms_.Finish());
    }
  }

 private:
  void SetTime(int64_t time_ms, int count) {
    if (count == 1) min_time_ms_ = time_ms;
    max_time_ms_ = time_ms;
  }

  void PutNumber(uint32_t field, int64_t number) {
    base::PutVarint(FieldKey(field, WireType::kVarint), &chunk_);
    base::PutVarint(static_cast<uint64_t>(number), &chunk_);
  }
  static void PutBytes(uint32_t field, std::string_view bytes, std::string* out) {
    base::PutVarint(FieldKey(field, WireType::kBytes), out);
    base::PutVarint(bytes.size(), out);
    out->append(bytes);
  }

  void Put(ChunkType type, std::string_view data) {
    chunk_.clear();
    PutNumber(1, min_time_ms_);
    PutNumber(2, max_time_ms_);
    PutNumber(3, static_cast<int64_t>(type));
    PutBytes(4, data, &chunk_);
    PutBytes(2, chunk_, &out_->fields);
    out_->ends.push_back(static_cast<uint32_t>(out_->fields.size()));
  }

  SeriesChunks* out_;
  XorChunk floats_;
  HistogramChunk histograms_;
  int64_t min_time_ms_ = 0;
  int64_t max_time_ms_ = 0;
  std::string chunk_;
};

}  // namespace

SeriesChunks EncodeChunks(const SeriesSamples& series) {
  SeriesChunks chunks;
  ChunkBuilder builder(&chunks);
  const TimestampVector& times = *series.time_ms;
  size_t next = 0;
  for (const HistogramSample& histogram : series.histograms) {
    for (; next < times.size() && times[next] < histogram.time_ms; ++next) {
      builder.AddFloat(times[next], series.value[next]);
    }
    builder.AddHistogram(histogram);
  }
  for (; next < times.size(); ++next) builder.AddFloat(times[next], series.value[next]);
  builder.Finish();
  return chunks;
}

}  // namespace larnax::wire
