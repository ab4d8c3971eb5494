#include "http/endpoints/endpoints.h"

namespace larnax::http {
namespace {

class ReadBody : public BodySource {
 public:
  explicit ReadBody(std::unique_ptr<ReadAnswer> answer) : answer_(std::move(answer)) {}
  arrow::Result<bool> Next(std::string* out) override { return answer_->Next(out); }

 private:
  std::unique_ptr<ReadAnswer> answer_;
};

}  // namespace

arrow::Result<Response> AnswerRead(const Request& request, const Services& services) {
  const ServerOptions& options = services.options;
  ReadMessage message;
  message.content_encoding = request.head.content_encoding;
  message.body = {reinterpret_cast<const uint8_t*>(request.body.data()), request.body.size()};
  message.external_labels = options.external_labels;
  message.sample_limit = options.remote_read_sample_limit;
  message.timeout_ms = options.query_timeout_ms;
  message.cancelled = request.cancelled;
  ARROW_ASSIGN_OR_RAISE(auto answer, AnswerRemoteRead(services.database, message));
  Response response;
  response.content_type = answer->content_type();
  response.compressible = false;
  if (const std::string_view encoding = answer->content_encoding(); !encoding.empty()) {
    response.headers.emplace_back("Content-Encoding", encoding);
  }
  response.stream = std::make_unique<ReadBody>(std::move(answer));
  return response;
}

}  // namespace larnax::http
