#include "http/connection/compression.h"

#include "http/raw_client_for_test.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

constexpr Encoding kEncodings[] = {Encoding::kGzip, Encoding::kDeflate, Encoding::kZstd};

TEST(ChooseEncoding, TakesTheFirstItSpeaks) {
  EXPECT_EQ(ChooseEncoding(""), Encoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzip"), Encoding::kGzip);
  EXPECT_EQ(ChooseEncoding("gzip, deflate, br, zstd"), Encoding::kGzip);
  EXPECT_EQ(ChooseEncoding("br, zstd , gzip"), Encoding::kZstd);
  EXPECT_EQ(ChooseEncoding(" deflate;q=0.5,gzip"), Encoding::kDeflate);
  EXPECT_EQ(ChooseEncoding("gzip;q=0, zstd;q=1.0"), Encoding::kZstd);
  EXPECT_EQ(ChooseEncoding("gzip; q=0.000,deflate;q=0"), Encoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzip;q=0.001"), Encoding::kGzip);
  EXPECT_EQ(ChooseEncoding("x-gzip, *,,;"), Encoding::kIdentity);
}

std::string SomeText(size_t size) {
  std::string text;
  for (uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761U) + ",";
  return text;
}

TEST(Compress, GoesThereAndBack) {
  for (const Encoding encoding : kEncodings) {
    for (const size_t size : {0, 1, 1000, 3'000'000}) {
      const std::string text = SomeText(size);
      ASSERT_OK_AND_ASSIGN(const std::string small, Compress(text, encoding));
      EXPECT_EQ(Decompress(small, EncodingName(encoding)), text) << EncodingName(encoding);
      if (size > 1) {
        EXPECT_LT(small.size(), text.size());
      }
    }
  }
}

// Yields pieces of its text; then fails, if told so.
class PieceSource : public BodySource {
 public:
  PieceSource(std::string text, size_t piece, bool fails = false)
      : text_(std::move(text)), piece_(piece), fails_(fails) {}
  arrow::Result<bool> Next(std::string* out) override {
    if (at_ >= text_.size()) {
      if (fails_) return arrow::Status::IOError("broken off");
      return false;
    }
    out->append(text_, at_, piece_);
    at_ += piece_;
    return true;
  }
  std::string Trailer() override { return "T: 1\r\n"; }

 private:
  std::string text_;
  size_t piece_;
  bool fails_;
  size_t at_ = 0;
};

TEST(CompressStream, GoesThereAndBack) {
  for (const Encoding encoding : kEncodings) {
    for (const size_t piece : {1000, 65536}) {
      const std::string text = SomeText(500'000);
      auto stream = CompressStream(std::make_unique<PieceSource>(text, piece), encoding);
      std::string small;
      int pieces = 0;
      while (true) {
        ASSERT_OK_AND_ASSIGN(const bool more, stream->Next(&small));
        if (!more) break;
        ++pieces;
      }
      EXPECT_GT(pieces, 1);
      EXPECT_EQ(Decompress(small, EncodingName(encoding)), text) << EncodingName(encoding);
      EXPECT_EQ(stream->Trailer(), "T: 1\r\n");
    }
  }
}

TEST(CompressStream, PassesFailuresOn) {
  auto stream = CompressStream(std::make_unique<PieceSource>("abc", 1, true), Encoding::kGzip);
  std::string small;
  EXPECT_THAT(stream->Next(&small), test::HasMessage("broken off"));
}

}  // namespace
}  // namespace larnax::http
