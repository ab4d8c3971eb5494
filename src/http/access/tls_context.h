#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>
#include <openssl/types.h>

#include "http/access/web_config.h"

namespace larnax::http {

/// Reads a file whole; from whoever may open files.
using ReadFile = std::function<arrow::Result<std::string>(const std::string& path)>;

/// The PEM texts that settings name, read.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_ca;  ///< Empty: none.
};

/// Certificate, key and rules of TLS connections. Immutable; safe to share between threads.
class TlsContext {
 public:
  /// \retval kBadQuery A certificate or key that cannot be used, or a cipher suite not known.
  static arrow::Result<std::shared_ptr<const TlsContext>> Make(const TlsSettings& settings,
                                                               const TlsFiles& files);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }

 private:
  TlsContext() = default;
  arrow::Status SetUp(const TlsSettings& settings, const TlsFiles& files);
  arrow::Status SetCiphers(const TlsSettings& settings);
  arrow::Status SetClientCa(const std::string& pem);

  SSL_CTX* context_ = nullptr;
  std::vector<std::string> allowed_sans_;
};

/// One TLS connection over a non-blocking socket, which must outlive it. The handshake is part of
/// the first reads.
class TlsSession {
 public:
  enum class Want { kNothing, kRead, kWrite };
  struct Outcome {
    size_t size = 0;             ///< Bytes moved; 0 with kNothing: the end, or a failure.
    Want want = Want::kNothing;  ///< What to wait for before calling again.
    bool failed = false;         ///< Broken; nothing more can be read or written.
  };

  TlsSession(std::shared_ptr<const TlsContext> context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Outcome Read(std::span<char> room);
  /// After kWrite it must be called again with the same bytes in front.
  Outcome Write(std::span<const char> bytes);
  /// Tell the client that no more will come: what it has is whole.
  void ShutdownSend();
  bool handshake_done() const;

 private:
  Outcome OutcomeOf(int result) const;

  std::shared_ptr<const TlsContext> context_;
  SSL* ssl_ = nullptr;
};

}  // namespace larnax::http
