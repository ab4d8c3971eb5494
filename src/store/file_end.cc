#include "store/file_end.h"

#include <string>
#include <vector>

#include "base/crc32c.h"
#include "larnax/error.h"

namespace larnax::store {

FileEnd EndOf(const FileEntry& entry, Tree tree) {
  if (tree == Tree::kData) return {entry.bytes, entry.footer_bytes, entry.footer_crc32c};
  return {entry.series_bytes, entry.series_footer_bytes, entry.series_footer_crc32c};
}

arrow::Status CheckEnd(const io::ReadableFile& file, const FileEnd& listed) {
  if (file.size_bytes() != listed.bytes) {
    return MakeError(ErrorKind::kCorrupt, "size differs from the manifest's: bytes=" +
                                              std::to_string(file.size_bytes()) +
                                              " listed=" + std::to_string(listed.bytes));
  }
  if (listed.footer_bytes < 0 || listed.footer_bytes > listed.bytes) {
    return MakeError(ErrorKind::kCorrupt, "the manifest's footer does not fit: footer_bytes=" +
                                              std::to_string(listed.footer_bytes));
  }
  std::vector<uint8_t> footer(static_cast<size_t>(listed.footer_bytes));
  const int64_t offset_bytes = listed.bytes - listed.footer_bytes;
  ARROW_RETURN_NOT_OK(file.ReadAt(offset_bytes, footer));
  if (base::Crc32c(0, footer) != listed.footer_crc32c) {
    return MakeError(ErrorKind::kCorrupt, "footer differs from the manifest's checksum: offset=" +
                                              std::to_string(offset_bytes));
  }
  return arrow::Status::OK();
}

}  // namespace larnax::store
