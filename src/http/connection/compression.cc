#include "http/connection/compression.h"

#include <zlib.h>
#include <zstd.h>

#include "larnax/error.h"

namespace larnax::http {
namespace {

// Cheap levels: an answer is compressed once and read once, mostly over a fast network.
constexpr int kZlibLevel = 3;
constexpr int kZstdLevel = 1;
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kZlibWindowBits = 15;
constexpr size_t kOutputStep = 32 << 10;
// Pieces of a compressed stream are gathered up to this, to be worth a packet.
constexpr size_t kPieceBytes = 32 << 10;

class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Append what `input` compresses to; with `last`, all that is left too.
  virtual arrow::Status Encode(std::string_view input, bool last, std::string* out) = 0;
};

class ZlibEncoder : public Encoder {
 public:
  explicit ZlibEncoder(int window_bits) {
    ready_ =
        deflateInit2(&stream_, kZlibLevel, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~ZlibEncoder() override {
    if (ready_) deflateEnd(&stream_);
  }
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;

  arrow::Status Encode(std::string_view input, bool last, std::string* out) override {
    if (!ready_) return MakeError(ErrorKind::kInternal, "cannot set up zlib");
    // zlib's counters are 32 bit; a body may be larger.
    while (input.size() > kLargestInput) {
      ARROW_RETURN_NOT_OK(EncodePart(input.substr(0, kLargestInput), Z_NO_FLUSH, out));
      input.remove_prefix(kLargestInput);
    }
    return EncodePart(input, last ? Z_FINISH : Z_NO_FLUSH, out);
  }

 private:
  static constexpr size_t kLargestInput = 1 << 30;

  arrow::Status EncodePart(std::string_view input, int flush, std::string* out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    int result = Z_OK;
    do {
      const size_t before = out->size();
      out->resize(before + kOutputStep);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + before);
      stream_.avail_out = kOutputStep;
      result = deflate(&stream_, flush);
      out->resize(before + kOutputStep - stream_.avail_out);
      if (result == Z_STREAM_ERROR) return MakeError(ErrorKind::kInternal, "zlib failed");
    } while (stream_.avail_out == 0 && result != Z_STREAM_END);
    return arrow::Status::OK();
  }

  z_stream stream_{};
  bool ready_ = false;
};

class ZstdEncoder : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    if (context_ != nullptr) {
      ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    }
  }

  arrow::Status Encode(std::string_view input, bool last, std::string* out) override {
    if (context_ == nullptr) return MakeError(ErrorKind::kInternal, "cannot set up zstd");
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    const ZSTD_EndDirective directive = last ? ZSTD_e_end : ZSTD_e_continue;
    size_t left = 0;
    do {
      const size_t before = out->size();
      out->resize(before + kOutputStep);
      ZSTD_outBuffer to{out->data() + before, kOutputStep, 0};
      left = ZSTD_compressStream2(context_.get(), &to, &in, directive);
      out->resize(before + to.pos);
      if (ZSTD_isError(left)) {
        return MakeError(ErrorKind::kInternal,
                         std::string("zstd failed: ") + ZSTD_getErrorName(left));
      }
    } while (last ? left != 0 : in.pos < in.size);
    return arrow::Status::OK();
  }

 private:
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

std::unique_ptr<Encoder> MakeEncoder(Encoding encoding) {
  switch (encoding) {
    case Encoding::kIdentity:
      return nullptr;
    case Encoding::kGzip:
      return std::make_unique<ZlibEncoder>(kGzipWindowBits);
    case Encoding::kDeflate:
      return std::make_unique<ZlibEncoder>(kZlibWindowBits);
    case Encoding::kZstd:
      return std::make_unique<ZstdEncoder>();
  }
  return nullptr;
}

class CompressedSource : public BodySource {
 public:
  CompressedSource(std::unique_ptr<BodySource> source, std::unique_ptr<Encoder> encoder)
      : source_(std::move(source)), encoder_(std::move(encoder)) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    const size_t before = out->size();
    while (!done_ && out->size() - before < kPieceBytes) {
      plain_.clear();
      ARROW_ASSIGN_OR_RAISE(const bool more, source_->Next(&plain_));
      done_ = !more;
      ARROW_RETURN_NOT_OK(encoder_->Encode(plain_, done_, out));
    }
    return true;
  }
  std::string Trailer() override { return source_->Trailer(); }

 private:
  std::unique_ptr<BodySource> source_;
  std::unique_ptr<Encoder> encoder_;
  std::string plain_;
  bool done_ = false;
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether the parameters after a coding hold a weight of zero (`q=0`, `q=0.000`).
bool IsRefused(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return false;
  const std::string_view weight = Trim(parameters.substr(at + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kIdentity:
      return "";
    case Encoding::kGzip:
      return "gzip";
    case Encoding::kDeflate:
      return "deflate";
    case Encoding::kZstd:
      return "zstd";
  }
  return "";
}

Encoding ChooseEncoding(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t end = accept_encoding.find(',');
    const std::string_view item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(end == std::string_view::npos ? accept_encoding.size() : end + 1);
    const size_t semicolon = item.find(';');
    const std::string_view coding = Trim(item.substr(0, semicolon));
    if (semicolon != std::string_view::npos && IsRefused(item.substr(semicolon + 1))) continue;
    for (const Encoding encoding : {Encoding::kGzip, Encoding::kDeflate, Encoding::kZstd}) {
      if (coding == EncodingName(encoding)) return encoding;
    }
  }
  return Encoding::kIdentity;
}

arrow::Result<std::string> Compress(std::string_view body, Encoding encoding) {
  const auto encoder = MakeEncoder(encoding);
  if (encoder == nullptr) return std::string(body);
  std::string out;
  ARROW_RETURN_NOT_OK(encoder->Encode(body, true, &out));
  return out;
}

std::unique_ptr<BodySource> CompressStream(std::unique_ptr<BodySource> source, Encoding encoding) {
  auto encoder = MakeEncoder(encoding);
  if (encoder == nullptr) return source;
  return std::make_unique<CompressedSource>(std::move(source), std::move(encoder));
}

}  // namespace larnax::http
