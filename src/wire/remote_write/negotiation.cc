#include "wire/remote_write/negotiation.h"

#include <memory>

#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/check.h"
#include "larnax/database.h"
#include "larnax/error.h"

namespace larnax::wire {

namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

// Takes the text before the next separator off the front.
std::string_view TakeUntil(char separator, std::string_view* text) {
  const size_t size = std::min(text->find(separator), text->size());
  const std::string_view part = text->substr(0, size);
  text->remove_prefix(std::min(size + 1, text->size()));
  return Trim(part);
}

// A header comes back in an error message, so it must not carry control bytes or length with it.
std::string Shown(std::string_view header) {
  std::string result;
  for (const char c : header.substr(0, 200)) result += c >= 0x20 && c < 0x7F ? c : '?';
  return result;
}

arrow::Status TooLarge(size_t limit_bytes) {
  return MakeError(ErrorKind::kTooLarge, "decompressed request is over the limit: limit_bytes=" +
                                             std::to_string(limit_bytes));
}

arrow::Status UncompressSnappy(std::span<const uint8_t> body, size_t limit_bytes,
                               std::string* message) {
  const char* const data = reinterpret_cast<const char*>(body.data());
  size_t size = 0;
  if (!snappy::GetUncompressedLength(data, body.size(), &size)) {
    return MakeError(ErrorKind::kBadSample, "body is not snappy (block format): no length");
  }
  if (size > limit_bytes) return TooLarge(limit_bytes);
  // No block gives more than 64 bytes for each of its 3-byte copies: a length beyond that is a lie,
  // and must not take memory.
  constexpr size_t kMaxRatio = 64;
  if (size / kMaxRatio > body.size()) {
    return MakeError(ErrorKind::kBadSample, "body is not snappy (block format): length too large");
  }
  message->resize(size);
  if (!snappy::RawUncompress(data, body.size(), message->data())) {
    return MakeError(ErrorKind::kBadSample, "body is not snappy (block format): size_bytes=" +
                                                std::to_string(body.size()));
  }
  return arrow::Status::OK();
}

// Another time there may be some: the sender is to try again.
arrow::Status OutOfMemory() {
  return MakeError(ErrorKind::kOverloaded, "no memory to decompress the request");
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

arrow::Status UncompressZstd(std::span<const uint8_t> body, size_t limit_bytes,
                             std::string* message) {
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (context == nullptr) return OutOfMemory();
  // Windows are bounded, so that a frame's header alone cannot ask for memory.
  constexpr int kMaxWindowLog = 25;
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  const auto told = ZSTD_getFrameContentSize(body.data(), body.size());
  if (told == ZSTD_CONTENTSIZE_ERROR) {
    return MakeError(ErrorKind::kBadSample, "body is not zstd");
  }
  if (told != ZSTD_CONTENTSIZE_UNKNOWN && told > limit_bytes) return TooLarge(limit_bytes);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  size_t size = 0;
  // Not what the header tells, which may be a lie, but what comes out.
  constexpr size_t kStepBytes = size_t{256} << 10;
  size_t left = 1;
  while (in.pos < in.size || left != 0) {
    if (size == message->size()) message->resize(size + std::max(size, kStepBytes));
    ZSTD_outBuffer out{message->data(), message->size(), size};
    const size_t before = in.pos;
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation) return OutOfMemory();
    if (ZSTD_isError(left)) {
      return MakeError(ErrorKind::kBadSample,
                       std::string("body is not zstd: error=") + ZSTD_getErrorName(left));
    }
    if (out.pos > limit_bytes) return TooLarge(limit_bytes);
    if (out.pos == size && in.pos == before && size < message->size()) {
      return MakeError(ErrorKind::kBadSample,
                       "zstd body is cut off: size_bytes=" + std::to_string(body.size()));
    }
    size = out.pos;
  }
  message->resize(size);
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<WriteVersion> NegotiateVersion(std::string_view content_type) {
  std::string_view rest = content_type;
  const std::string_view type = TakeUntil(';', &rest);
  const auto refuse = [&] {
    return MakeError(ErrorKind::kUnsupported,
                     "unsupported content type: content_type=\"" + Shown(content_type) + "\"");
  };
  if (type.empty()) return rest.empty() ? arrow::Result(WriteVersion::kV1) : refuse();
  if (!EqualsIgnoringCase(type, "application/x-protobuf")) return refuse();
  WriteVersion version = WriteVersion::kV1;
  while (!rest.empty()) {
    std::string_view value = TakeUntil(';', &rest);
    if (!EqualsIgnoringCase(TakeUntil('=', &value), "proto")) continue;
    value = Trim(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (EqualsIgnoringCase(value, "prometheus.WriteRequest")) {
      version = WriteVersion::kV1;
    } else if (EqualsIgnoringCase(value, "io.prometheus.write.v2.Request")) {
      version = WriteVersion::kV2;
    } else {
      return refuse();
    }
  }
  return version;
}

arrow::Result<BodyEncoding> NegotiateEncoding(std::string_view content_encoding) {
  const std::string_view name = Trim(content_encoding);
  if (name.empty() || EqualsIgnoringCase(name, "snappy")) return BodyEncoding::kSnappy;
  if (EqualsIgnoringCase(name, "zstd")) return BodyEncoding::kZstd;
  if (EqualsIgnoringCase(name, "identity")) return BodyEncoding::kIdentity;
  return MakeError(ErrorKind::kUnsupported, "unsupported content encoding: content_encoding=\"" +
                                                Shown(content_encoding) + "\"");
}

arrow::Status Decompress(BodyEncoding encoding, std::span<const uint8_t> body, size_t limit_bytes,
                         std::string* message) {
  switch (encoding) {
    case BodyEncoding::kIdentity:
      if (body.size() > limit_bytes) return TooLarge(limit_bytes);
      message->assign(reinterpret_cast<const char*>(body.data()), body.size());
      return arrow::Status::OK();
    case BodyEncoding::kSnappy:
      return UncompressSnappy(body, limit_bytes, message);
    case BodyEncoding::kZstd:
      return UncompressZstd(body, limit_bytes, message);
  }
  LARNAX_UNREACHABLE();
}

void Compress(BodyEncoding encoding, std::string_view message, std::string* body) {
  switch (encoding) {
    case BodyEncoding::kIdentity:
      body->assign(message);
      return;
    case BodyEncoding::kSnappy:
      snappy::Compress(message.data(), message.size(), body);
      return;
    case BodyEncoding::kZstd: {
      body->resize(ZSTD_compressBound(message.size()));
      const size_t size =
          ZSTD_compress(body->data(), body->size(), message.data(), message.size(), 1);
      LARNAX_CHECK(!ZSTD_isError(size));
      body->resize(size);
      return;
    }
  }
  LARNAX_UNREACHABLE();
}

std::string_view ContentTypeName(WriteVersion version) {
  return version == WriteVersion::kV1
             ? "application/x-protobuf"
             : "application/x-protobuf;proto=io.prometheus.write.v2.Request";
}

std::string_view ContentEncodingName(BodyEncoding encoding) {
  switch (encoding) {
    case BodyEncoding::kIdentity:
      return {};
    case BodyEncoding::kSnappy:
      return "snappy";
    case BodyEncoding::kZstd:
      return "zstd";
  }
  LARNAX_UNREACHABLE();
}

std::string_view VersionHeader(WriteVersion version) {
  return version == WriteVersion::kV1 ? "0.1.0" : "2.0.0";
}

}  // namespace larnax::wire

namespace larnax {

bool IsRemoteWrite2(std::string_view content_type) {
  const auto version = wire::NegotiateVersion(content_type);
  return version.ok() && *version == wire::WriteVersion::kV2;
}

}  // namespace larnax
