#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <boost/beast/http/basic_parser.hpp>

#include "http/message/request.h"

namespace larnax::http {

/// Reads one request from bytes, keeping only what this server looks at.
///
/// Use: construct, then `put` bytes until is_done(); by default `put` stops after the header.
/// `head` and `body` are the caller's, so that their memory serves many requests.
class RequestReader : public boost::beast::http::basic_parser<true> {
 public:
  using ErrorCode = boost::beast::error_code;

  /// \param buffered_bytes  Counts the bytes of all bodies in memory; this reader's share is taken
  ///                        off on destruction.
  /// \param buffered_limit  Past it, `put` fails with the error TooManyBytes().
  RequestReader(RequestHead* head, std::string* body, std::atomic<int64_t>* buffered_bytes,
                int64_t buffered_limit);
  ~RequestReader() override;

  /// The error of a server that holds too many bodies already.
  static ErrorCode TooManyBytes();
  /// Bytes of the body so far.
  uint64_t body_bytes() const { return counted_bytes_; }

 private:
  using StringView = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb method, StringView method_text, StringView target,
                       int version, ErrorCode& error) override;
  void on_response_impl(int, StringView, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field name, StringView name_text, StringView value,
                     ErrorCode& error) override;
  void on_header_impl(ErrorCode& error) override;
  void on_body_init_impl(boost::optional<uint64_t> const& content_length,
                         ErrorCode& error) override;
  size_t on_body_impl(StringView body, ErrorCode& error) override;
  void on_chunk_header_impl(uint64_t, StringView, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t remain, StringView body, ErrorCode& error) override;
  void on_finish_impl(ErrorCode&) override {}

  RequestHead* head_;
  std::string* body_;
  std::atomic<int64_t>* buffered_bytes_;
  int64_t buffered_limit_;
  uint64_t counted_bytes_ = 0;
  bool header_done_ = false;  // Fields after it are trailers, which must not pass for the header's.
};

}  // namespace larnax::http
