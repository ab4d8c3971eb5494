#include "larnax/error.h"

#include <cstring>
#include <memory>
#include <utility>

namespace larnax {
namespace {

constexpr const char* kDetailTypeId = "larnax::ErrorDetail";

class ErrorDetail : public arrow::StatusDetail {
 public:
  explicit ErrorDetail(ErrorKind kind) : kind_(kind) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override { return ErrorTypeName(kind_); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

arrow::StatusCode CodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadQuery:
    case ErrorKind::kBadSample:
    case ErrorKind::kUnsupported:
    case ErrorKind::kExecution:
      return arrow::StatusCode::Invalid;
    case ErrorKind::kTooLarge:
    case ErrorKind::kLimit:
    case ErrorKind::kOverloaded:
      return arrow::StatusCode::CapacityError;
    case ErrorKind::kNotFound:
      return arrow::StatusCode::KeyError;
    case ErrorKind::kCorrupt:
      return arrow::StatusCode::IOError;
    case ErrorKind::kTimeout:
    case ErrorKind::kCancelled:
      return arrow::StatusCode::Cancelled;
    case ErrorKind::kClosed:
    case ErrorKind::kInternal:
      return arrow::StatusCode::UnknownError;
  }
  return arrow::StatusCode::UnknownError;
}

}  // namespace

arrow::Status MakeError(ErrorKind kind, std::string message) {
  return arrow::Status(CodeOf(kind), std::move(message), std::make_shared<ErrorDetail>(kind));
}

ErrorKind KindOf(const arrow::Status& status) {
  const auto& detail = status.detail();
  // Compared by content: the constant's address may differ between shared libraries.
  if (detail != nullptr && std::strcmp(detail->type_id(), kDetailTypeId) == 0) {
    return static_cast<const ErrorDetail&>(*detail).kind();
  }
  return status.IsOutOfMemory() ? ErrorKind::kOverloaded : ErrorKind::kInternal;
}

const char* ErrorTypeName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadQuery:
    case ErrorKind::kBadSample:
    case ErrorKind::kTooLarge:
    case ErrorKind::kUnsupported:
      return "bad_data";
    case ErrorKind::kExecution:
    case ErrorKind::kLimit:
      return "execution";
    case ErrorKind::kOverloaded:
    case ErrorKind::kClosed:
      return "unavailable";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kCancelled:
      return "canceled";
    case ErrorKind::kCorrupt:
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace larnax
