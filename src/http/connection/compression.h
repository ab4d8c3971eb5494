#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/message/response.h"

namespace larnax::http {

enum class Encoding { kIdentity, kGzip, kDeflate, kZstd };

/// Choose by Accept-Encoding: the first token that is spoken here and not refused by `q=0`.
Encoding ChooseEncoding(std::string_view accept_encoding);

/// Name as in Content-Encoding; empty for kIdentity.
std::string_view EncodingName(Encoding encoding);

/// Compress a whole body.
arrow::Result<std::string> Compress(std::string_view body, Encoding encoding);

/// Wrap a source so that what it yields is compressed as a stream.
std::unique_ptr<BodySource> CompressStream(std::unique_ptr<BodySource> source, Encoding encoding);

}  // namespace larnax::http
