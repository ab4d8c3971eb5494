#include "http/connection/request_reader.h"

#include <algorithm>

#include <boost/beast/http/error.hpp>
#include <boost/system/errc.hpp>

namespace larnax::http {
namespace {

namespace beast = boost::beast;

// A body is given its whole room at once only up to this: the length is only the client's word.
constexpr uint64_t kTrustedLength = 256 << 10;

Method MethodOf(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return Method::kGet;
    case beast::http::verb::head:
      return Method::kHead;
    case beast::http::verb::post:
      return Method::kPost;
    case beast::http::verb::put:
      return Method::kPut;
    case beast::http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

void SetFirst(beast::string_view value, std::string* to) {
  if (to->empty()) to->assign(value.data(), value.size());
}

void AddToList(beast::string_view value, std::string* to) {
  if (!to->empty()) to->append(", ");
  to->append(value.data(), value.size());
}

}  // namespace

RequestReader::RequestReader(RequestHead* head, std::string* body,
                             std::atomic<int64_t>* buffered_bytes, int64_t buffered_limit)
    : head_(head), body_(body), buffered_bytes_(buffered_bytes), buffered_limit_(buffered_limit) {
  head_->Clear();
  body_->clear();
}

RequestReader::~RequestReader() {
  if (counted_bytes_ == 0) return;
  buffered_bytes_->fetch_sub(static_cast<int64_t>(counted_bytes_), std::memory_order_relaxed);
}

RequestReader::ErrorCode RequestReader::TooManyBytes() {
  return make_error_code(boost::system::errc::not_enough_memory);
}

void RequestReader::on_request_impl(beast::http::verb method, StringView, StringView target,
                                    int version, ErrorCode& error) {
  head_->method = MethodOf(method);
  head_->http_1_1 = version >= 11;
  std::string_view text(target.data(), target.size());
  // A proxy's form, `http://host/path`: the host is ours whatever it says.
  if (text.starts_with("http://") || text.starts_with("https://")) {
    const size_t slash = text.find('/', text.find("://") + 3);
    text = slash == std::string_view::npos ? std::string_view("/") : text.substr(slash);
  }
  if (text != "*" && !text.starts_with('/')) {
    error = beast::http::error::bad_target;
    return;
  }
  const size_t question = text.find('?');
  head_->path = text.substr(0, question);
  head_->query = question == std::string_view::npos ? "" : text.substr(question + 1);
}

void RequestReader::on_field_impl(beast::http::field name, StringView, StringView value,
                                  ErrorCode&) {
  using beast::http::field;
  if (header_done_) return;
  switch (name) {
    case field::host:
      ++head_->hosts;
      SetFirst(value, &head_->host);
      break;
    case field::authorization:
      ++head_->authorizations;
      SetFirst(value, &head_->authorization);
      break;
    case field::content_type:
      SetFirst(value, &head_->content_type);
      break;
    case field::content_encoding:
      AddToList(value, &head_->content_encoding);
      break;
    case field::accept:
      AddToList(value, &head_->accept);
      break;
    case field::accept_encoding:
      AddToList(value, &head_->accept_encoding);
      break;
    case field::origin:
      SetFirst(value, &head_->origin);
      break;
    case field::sec_fetch_site:
      SetFirst(value, &head_->fetch_site);
      break;
    case field::expect:
      AddToList(value, &head_->expect);
      break;
    case field::transfer_encoding:
      AddToList(value, &head_->transfer_encoding);
      break;
    default:
      break;
  }
}

void RequestReader::on_header_impl(ErrorCode&) {
  header_done_ = true;
  head_->keep_alive = keep_alive();
}

void RequestReader::on_body_init_impl(boost::optional<uint64_t> const& content_length, ErrorCode&) {
  if (content_length) body_->reserve(std::min(*content_length, kTrustedLength));
}

size_t RequestReader::on_body_impl(StringView body, ErrorCode& error) {
  const auto size = static_cast<int64_t>(body.size());
  counted_bytes_ += body.size();
  if (buffered_bytes_->fetch_add(size, std::memory_order_relaxed) + size > buffered_limit_) {
    error = TooManyBytes();
    return 0;
  }
  body_->append(body.data(), body.size());
  return body.size();
}

size_t RequestReader::on_chunk_body_impl(uint64_t, StringView body, ErrorCode& error) {
  return on_body_impl(body, error);
}

}  // namespace larnax::http
