#include "http/access/tls_context.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "larnax/error.h"

namespace larnax::http {
namespace {

// OpenSSL's objects, freed as it wants.
template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

arrow::Status Bad(const std::string& problem) {
  std::array<char, 256> text{};
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text.data(), text.size());
  }
  ERR_clear_error();
  return MakeError(ErrorKind::kBadQuery,
                   text[0] == 0 ? problem : problem + ": error=" + text.data());
}

Bio BioOf(const std::string& text) {
  return Bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(std::min<size_t>(text.size(), INT_MAX))));
}

// Keys with a passphrase are refused: without this OpenSSL asks on the terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

// --- A BIO over a socket that never raises SIGPIPE
// ------------------------------------------------

int SocketOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool IsTemporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int BioRead(BIO* bio, char* room, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t read = recv(SocketOf(bio), room, static_cast<size_t>(size), 0);
  if (read < 0 && IsTemporary(errno)) BIO_set_retry_read(bio);
  return static_cast<int>(read);
}

int BioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(SocketOf(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && IsTemporary(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

// --- Callbacks of a context
// -----------------------------------------------------------------------

int AcceptAnyCertificate(X509_STORE_CTX*, void*) { return 1; }

// Only HTTP/1.1 is spoken; a client that does not offer it may still try.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string TextOf(const GENERAL_NAME& name) {
  const auto text = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                       static_cast<size_t>(ASN1_STRING_length(string)));
  };
  switch (name.type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
      return text(name.d.ia5);
    case GEN_IPADD: {
      const std::string bytes = text(name.d.iPAddress);
      std::array<char, 64> shown{};
      const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
      const bool is_address = bytes.size() == 4 || bytes.size() == 16;
      if (!is_address || inet_ntop(family, bytes.data(), shown.data(), shown.size()) == nullptr) {
        return {};
      }
      return shown.data();
    }
    default:
      return {};
  }
}

// Called after OpenSSL's own checks of each certificate of a chain; the client's comes last.
int CheckAllowedNames(int is_valid, X509_STORE_CTX* store) {
  if (is_valid == 0 || X509_STORE_CTX_get_error_depth(store) != 0) return is_valid;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* allowed =
      static_cast<const std::vector<std::string>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (allowed == nullptr || allowed->empty()) return 1;
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string name = TextOf(*sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty() && std::find(allowed->begin(), allowed->end(), name) != allowed->end()) {
      return 1;
    }
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int VerifyMode(ClientAuth client_auth) {
  switch (client_auth) {
    case ClientAuth::kNone:
      return SSL_VERIFY_NONE;
    case ClientAuth::kRequest:
    case ClientAuth::kVerifyIfGiven:
      return SSL_VERIFY_PEER;
    case ClientAuth::kRequireAny:
    case ClientAuth::kVerify:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_NONE;
}

arrow::Status UseCertificates(const std::string& pem, SSL_CTX* context) {
  const Bio bio = BioOf(pem);
  const Certificate own(PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassphrase, nullptr));
  if (own == nullptr) return Bad("cert_file holds no certificate");
  if (SSL_CTX_use_certificate(context, own.get()) != 1) return Bad("cert_file cannot be used");
  while (true) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
    if (next == nullptr) break;
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) return Bad("cert_file: bad chain");
    (void)next.release();  // The context's, now.
  }
  // The end of the text reads as an error, too.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return Bad("cert_file is damaged");
  }
  ERR_clear_error();
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::shared_ptr<const TlsContext>> TlsContext::Make(const TlsSettings& settings,
                                                                  const TlsFiles& files) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> context(new TlsContext());
  context->context_ = SSL_CTX_new(TLS_server_method());
  if (context->context_ == nullptr) return Bad("cannot set up TLS");
  ARROW_RETURN_NOT_OK(context->SetUp(settings, files));
  return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

arrow::Status TlsContext::SetUp(const TlsSettings& settings, const TlsFiles& files) {
  SSL_CTX_set_min_proto_version(context_, settings.min_version);
  SSL_CTX_set_max_proto_version(context_, settings.max_version);
  uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
  if (settings.prefer_server_ciphers) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(context_, options);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  static constexpr unsigned char kSessions[] = "larnax";
  SSL_CTX_set_session_id_context(context_, kSessions, sizeof kSessions - 1);
  SSL_CTX_set_alpn_select_cb(context_, ChooseProtocol, nullptr);
  ARROW_RETURN_NOT_OK(SetCiphers(settings));

  ARROW_RETURN_NOT_OK(UseCertificates(files.certificate, context_));
  const Key key(PEM_read_bio_PrivateKey(BioOf(files.key).get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    // OpenSSL's words might say too much of a key.
    ERR_clear_error();
    return Bad("key_file holds no private key without a passphrase");
  }
  if (SSL_CTX_use_PrivateKey(context_, key.get()) != 1 ||
      SSL_CTX_check_private_key(context_) != 1) {
    ERR_clear_error();
    return Bad("the key of key_file is not that of the certificate");
  }

  allowed_sans_ = settings.client_allowed_sans;
  SSL_CTX_set_app_data(context_, &allowed_sans_);
  const bool verifies = settings.client_auth == ClientAuth::kVerify ||
                        settings.client_auth == ClientAuth::kVerifyIfGiven;
  SSL_CTX_set_verify(context_, VerifyMode(settings.client_auth),
                     verifies ? CheckAllowedNames : nullptr);
  if (!verifies) {
    SSL_CTX_set_cert_verify_callback(context_, AcceptAnyCertificate, nullptr);
    return arrow::Status::OK();
  }
  return SetClientCa(files.client_ca);
}

arrow::Status TlsContext::SetCiphers(const TlsSettings& settings) {
  std::string curves;
  for (const std::string& curve : settings.curves) curves += (curves.empty() ? "" : ":") + curve;
  if (!curves.empty() && SSL_CTX_set1_groups_list(context_, curves.c_str()) != 1) {
    return Bad("curve_preferences cannot be used");
  }
  std::string ciphers;
  std::string suites_1_3;
  for (const std::string& suite : settings.cipher_suites) {
    const std::string name = OPENSSL_cipher_name(suite.c_str());
    if (name == "(NONE)") return Bad("unknown cipher suite: " + suite);
    std::string* list = name.starts_with("TLS_") ? &suites_1_3 : &ciphers;
    *list += (list->empty() ? "" : ":") + name;
  }
  if (!ciphers.empty() && SSL_CTX_set_cipher_list(context_, ciphers.c_str()) != 1) {
    return Bad("cipher_suites cannot be used");
  }
  if (!suites_1_3.empty() && SSL_CTX_set_ciphersuites(context_, suites_1_3.c_str()) != 1) {
    return Bad("cipher_suites cannot be used");
  }
  return arrow::Status::OK();
}

arrow::Status TlsContext::SetClientCa(const std::string& pem) {
  const Bio bio = BioOf(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context_);
  int count = 0;
  while (true) {
    const Certificate ca(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
    if (ca == nullptr) break;
    if (X509_STORE_add_cert(store, ca.get()) != 1 ||
        SSL_CTX_add_client_CA(context_, ca.get()) != 1) {
      return Bad("client_ca_file cannot be used");
    }
    ++count;
  }
  if (count == 0) return Bad("client_ca_file holds no certificate");
  ERR_clear_error();
  return arrow::Status::OK();
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
  if (ssl_ == nullptr) return;
  BIO* bio = BIO_new(SocketMethod());
  if (bio == nullptr) {
    SSL_free(std::exchange(ssl_, nullptr));
    return;
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession::Outcome TlsSession::OutcomeOf(int result) const {
  if (result > 0) return {.size = static_cast<size_t>(result)};
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {.want = Want::kRead};
    case SSL_ERROR_WANT_WRITE:
      return {.want = Want::kWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {};
    default:
      ERR_clear_error();
      return {.failed = true};
  }
}

TlsSession::Outcome TlsSession::Read(std::span<char> room) {
  if (ssl_ == nullptr) return {.failed = true};
  ERR_clear_error();
  const auto size = static_cast<int>(std::min<size_t>(room.size(), INT_MAX));
  return OutcomeOf(SSL_read(ssl_, room.data(), size));
}

TlsSession::Outcome TlsSession::Write(std::span<const char> bytes) {
  if (ssl_ == nullptr) return {.failed = true};
  ERR_clear_error();
  const auto size = static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX));
  return OutcomeOf(SSL_write(ssl_, bytes.data(), size));
}

void TlsSession::ShutdownSend() {
  if (ssl_ == nullptr || !handshake_done()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool TlsSession::handshake_done() const { return ssl_ != nullptr && SSL_is_init_finished(ssl_); }

}  // namespace larnax::http
