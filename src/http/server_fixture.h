#pragma once

#include <memory>
#include <utility>

#include "http/fake_database_for_test.h"
#include "http/raw_client_for_test.h"
#include "http/server.h"
#include "test/matchers.h"

namespace larnax::http {

/// A server on a free port of the loopback, over a fake database.
class ServerTest : public testing::Test {
 protected:
  /// Settings for a test to change before Start(): small, so that limits are soon met.
  static ServerOptions SmallOptions() {
    ServerOptions options;
    options.port = 0;
    options.threads = 1;
    options.query_threads = 2;
    options.sweep_interval_ms = 5;
    return options;
  }

  void Start(ServerOptions options = SmallOptions()) {
    ASSERT_OK_AND_ASSIGN(server_, Server::Start(&database_, std::move(options)));
  }

  RawResponse Get(std::string_view target, std::string_view fields = "") {
    return RawClient(server_->port()).Get(target, fields);
  }
  RawResponse Post(std::string_view target, std::string_view body, std::string_view fields = "") {
    return RawClient(server_->port()).Post(target, body, fields);
  }

  FakeDatabase database_;
  std::unique_ptr<Server> server_;
};

}  // namespace larnax::http
