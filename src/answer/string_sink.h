#pragma once

#include <string>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

namespace larnax::answer {

/// Lets a writer of files append to a string that is swapped out between its pieces.
class StringSink : public arrow::io::OutputStream {
 public:
  /// As long as it lives, what is written goes to the end of a string, which outlives it.
  class Target {
   public:
    Target(StringSink* sink, std::string* target) : sink_(sink) { sink_->target_ = target; }
    ~Target() { sink_->target_ = nullptr; }
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

   private:
    StringSink* const sink_;
  };

  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  using arrow::io::Writable::Write;
  arrow::Status Write(const void* data, int64_t size) override {
    // A writer that is given up in the middle writes an end all the same, when it goes.
    if (target_ != nullptr) {
      target_->append(static_cast<const char*>(data), static_cast<size_t>(size));
    }
    position_ += size;
    return arrow::Status::OK();
  }

 private:
  std::string* target_ = nullptr;
  int64_t position_ = 0;
};

}  // namespace larnax::answer
