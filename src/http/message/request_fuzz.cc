// Input: a byte that says where to cut, then what a client sends on a connection.
//
// Whatever the bytes: reading and taking apart must not crash, and a request must read the same
// whether it comes in one piece or in two.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "http/access/access_control.h"
#include "http/connection/compression.h"
#include "http/connection/request_reader.h"
#include "http/message/request.h"
#include "http/router.h"

namespace larnax::http {
namespace {

constexpr uint32_t kHeaderLimit = 4096;

struct Outcome {
  Request request;
  bool done = false;
  bool failed = false;
};

// Give a reader bytes as a connection does: what it leaves comes again, with more behind it.
class Feeder {
 public:
  Feeder() : reader_(&outcome_.request.head, &outcome_.request.body, &buffered_, 1 << 20) {
    reader_.header_limit(kHeaderLimit);
    reader_.body_limit(1 << 16);
    reader_.eager(true);
  }

  void Feed(std::string_view bytes) {
    left_.append(bytes);
    while (!left_.empty() && !reader_.is_done() && !outcome_.failed) {
      RequestReader::ErrorCode error;
      const size_t used = reader_.put(boost::asio::buffer(left_), error);
      left_.erase(0, used);
      if (error == boost::beast::http::error::need_more) break;
      if (error) outcome_.failed = true;
      if (!error && used == 0) std::abort();
    }
    outcome_.done = !outcome_.failed && reader_.is_done();
  }
  Outcome& outcome() { return outcome_; }

 private:
  Outcome outcome_;
  std::atomic<int64_t> buffered_{0};
  RequestReader reader_;
  std::string left_;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

// Nobody comes in whose password or token is not known: no input has those.
void CheckCredentials(const RequestHead& head) {
  static const std::string kFile = "basic_auth_users:\n  a: $2b$04$" + std::string(53, 'a') +
                                   "\nbearer_tokens:\n  t: sha256:" + std::string(64, '0') + "\n";
  static const auto access =
      AccessControl::Make("web.yml", [](const std::string&) { return kFile; }, {}, {}).ValueOrDie();
  const auto decision = access->Decide(*access->rules(), head.authorization, Role::kRead);
  Check(decision.kind != AccessDecision::Kind::kAllowed);
  Check(decision.kind != AccessDecision::Kind::kTooLittle);
}

void Compare(const Outcome& whole, const Outcome& parts, bool header_fits) {
  // A failure may be seen at another place, and be another one, but not become a success. But the
  // limit of a header is that of the request line and of the fields, each: which of them are looked
  // at together depends on the pieces.
  Check(whole.done == parts.done || !header_fits);
  if (!whole.done || !parts.done) return;
  const RequestHead& a = whole.request.head;
  const RequestHead& b = parts.request.head;
  Check(a.method == b.method && a.path == b.path && a.query == b.query);
  Check(a.authorization == b.authorization && a.authorizations == b.authorizations);
  Check(a.content_type == b.content_type && a.accept_encoding == b.accept_encoding);
  Check(a.hosts == b.hosts && a.http_1_1 == b.http_1_1 && a.keep_alive == b.keep_alive);
  Check(whole.request.body == parts.request.body);
}

}  // namespace
}  // namespace larnax::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::http;
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = bytes.size() * data[0] / 256;
  Feeder whole;
  whole.Feed(bytes);
  Feeder parts;
  parts.Feed(bytes.substr(0, cut));
  parts.Feed(bytes.substr(cut));
  Compare(whole.outcome(), parts.outcome(),
          bytes.substr(0, kHeaderLimit).find("\r\n\r\n") != bytes.npos);
  if (!whole.outcome().done) return 0;
  Request& request = whole.outcome().request;
  const size_t route = FindRoute(request.head.path, &request.name);
  if (route < UnknownRoute()) (void)Routes()[route].Allows(request.head.method);
  CheckCredentials(request.head);
  (void)ChooseEncoding(request.head.accept_encoding);
  if (ReadParams(&request).ok()) (void)SelectParams(request, 1000).ok();
  return 0;
}
