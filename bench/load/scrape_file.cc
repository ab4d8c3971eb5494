#include "bench/load/scrape_file.h"

#include <zstd.h>

#include <bit>

namespace larnax::load {

namespace {

static_assert(std::endian::native == std::endian::little);

struct Header {
  int64_t time_ms;
  uint64_t text_bytes;
  uint64_t frame_bytes;
};

constexpr uint64_t kMaxScrapeBytes = uint64_t{1} << 30;

}  // namespace

arrow::Result<ScrapeWriter> ScrapeWriter::Open(const std::string& path) {
  ScrapeWriter writer;
  writer.file_.open(path, std::ios::binary | std::ios::trunc);
  if (!writer.file_) return arrow::Status::IOError("cannot create: path=", path);
  return writer;
}

arrow::Status ScrapeWriter::Append(const Scrape& scrape) {
  std::string frame(ZSTD_compressBound(scrape.text.size()), '\0');
  const size_t size =
      ZSTD_compress(frame.data(), frame.size(), scrape.text.data(), scrape.text.size(), 6);
  if (ZSTD_isError(size)) return arrow::Status::IOError("cannot compress a scrape");
  const Header header{scrape.time_ms, scrape.text.size(), size};
  file_.write(reinterpret_cast<const char*>(&header), sizeof header);
  file_.write(frame.data(), static_cast<std::streamsize>(size));
  return file_ ? arrow::Status::OK() : arrow::Status::IOError("cannot write a scrape");
}

arrow::Status ScrapeWriter::Close() {
  file_.close();
  return file_ ? arrow::Status::OK() : arrow::Status::IOError("cannot close a file of scrapes");
}

arrow::Result<ScrapeReader> ScrapeReader::Open(const std::string& path) {
  ScrapeReader reader;
  reader.file_.open(path, std::ios::binary);
  if (!reader.file_) return arrow::Status::IOError("cannot read: path=", path);
  return reader;
}

arrow::Result<bool> ScrapeReader::Next(Scrape* scrape) {
  Header header;
  file_.read(reinterpret_cast<char*>(&header), sizeof header);
  if (file_.eof() && file_.gcount() == 0) return false;
  if (!file_ || header.text_bytes > kMaxScrapeBytes || header.frame_bytes > kMaxScrapeBytes) {
    return arrow::Status::IOError("not a file of scrapes, or cut off");
  }
  std::string frame(header.frame_bytes, '\0');
  file_.read(frame.data(), static_cast<std::streamsize>(frame.size()));
  if (!file_) return arrow::Status::IOError("file of scrapes is cut off");
  scrape->time_ms = header.time_ms;
  scrape->text.resize(header.text_bytes);
  const size_t size =
      ZSTD_decompress(scrape->text.data(), scrape->text.size(), frame.data(), frame.size());
  if (size != scrape->text.size()) return arrow::Status::IOError("a scrape is damaged");
  return true;
}

}  // namespace larnax::load
