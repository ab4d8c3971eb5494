#include "io/io_error.h"

#include <cerrno>
#include <system_error>

#include "larnax/error.h"

namespace larnax::io {

arrow::Status ErrnoError(int error, std::string_view action, const std::string& path) {
  std::string message = "Cannot ";
  message += action;
  message += ": path=" + path + " errno=" + std::to_string(error) + " (" +
             std::generic_category().message(error) + ")";
  switch (error) {
    case ENOENT:
      return MakeError(ErrorKind::kNotFound, std::move(message));
    case ENOSPC:
    case EDQUOT:
      return MakeError(ErrorKind::kOverloaded, std::move(message));
    case ENOSYS:
    case EOPNOTSUPP:
      return MakeError(ErrorKind::kUnsupported, std::move(message));
    default:
      return arrow::Status::IOError(std::move(message));
  }
}

arrow::Status ShortReadError(const std::string& path, int64_t offset_bytes, int64_t wanted_bytes,
                             int64_t size_bytes) {
  return arrow::Status::IOError("The file ends before the bytes asked for: path=", path,
                                " offset=", offset_bytes, " wanted=", wanted_bytes,
                                " size=", size_bytes);
}

}  // namespace larnax::io
