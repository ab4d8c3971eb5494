// TLS in the server's own process, where sanitizers see it. Against other implementations it is
// tested from outside.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <mutex>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http/server_fixture.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A certificate signed by itself, and its key, as PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

Identity MakeIdentity(const char* name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  // Valid whatever the clock says.
  ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20000101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z");
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  BIO* certificate_pem = BIO_new(BIO_s_mem());
  BIO* key_pem = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_pem, certificate);
  PEM_write_bio_PrivateKey(key_pem, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {TextOf(certificate_pem), TextOf(key_pem)};
}

// A client that takes every certificate.
class TlsClient {
 public:
  explicit TlsClient(int port) : context_(SSL_CTX_new(TLS_client_method())) {
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected =
        connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_);
    ready_ = connected && SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    close(socket_);
    ERR_clear_error();
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool ready() const { return ready_; }
  int socket_id() const { return socket_; }
  void Send(std::string_view bytes) {
    EXPECT_EQ(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  /// Read to the end; whether it was a proper one, and not just cut.
  bool ReadToEnd(std::string* bytes) {
    char piece[4096];
    int size = 0;
    while ((size = SSL_read(ssl_, piece, sizeof piece)) > 0) {
      bytes->append(piece, static_cast<size_t>(size));
    }
    return SSL_get_error(ssl_, size) == SSL_ERROR_ZERO_RETURN;
  }
  std::string Ask(std::string_view target) {
    Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    std::string answer;
    EXPECT_TRUE(ReadToEnd(&answer));
    return answer;
  }
  std::string ServerName() const {
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return name;
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  int socket_ = -1;
  bool ready_ = false;
};

class ServerTlsTest : public ServerTest {
 protected:
  void SetUp() override {
    // The client's; the server must not need it.
    std::signal(SIGPIPE, SIG_IGN);
  }
  // The server reads files to its end: it must end first.
  void TearDown() override { server_.reset(); }

  ServerOptions TlsOptions() {
    SetIdentity(MakeIdentity("first"));
    ServerOptions options = SmallOptions();
    options.web_config = "web.yml";
    options.read_file = [this](const std::string& path) -> arrow::Result<std::string> {
      const std::lock_guard lock(mutex_);
      if (path == "c") return identity_.certificate;
      if (path == "k") return identity_.key;
      return std::string("tls_server_config:\n  cert_file: c\n  key_file: k\n");
    };
    return options;
  }
  void SetIdentity(Identity identity) {
    const std::lock_guard lock(mutex_);
    identity_ = std::move(identity);
  }

  std::mutex mutex_;  // Guards what follows.
  Identity identity_;
};

TEST_F(ServerTlsTest, AnswersAndEndsProperly) {
  Start(TlsOptions());
  EXPECT_TRUE(server_->has_tls());
  TlsClient client(server_->port());
  ASSERT_TRUE(client.ready());
  EXPECT_THAT(client.Ask("/-/healthy"), HasSubstr("Larnax is Healthy."));
}

// As ServerTest.KeepsClientsApartWhenOthersLeave.
TEST_F(ServerTlsTest, KeepsClientsApartWhenOthersLeave) {
  database_.AddSeries({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}});
  Start(TlsOptions());
  auto leaving = std::async(std::launch::async, [&] {
    for (int i = 0; i < 100; ++i) {
      TlsClient client(server_->port());
      if (!client.ready()) continue;
      for (int k = 0; k < 3; ++k) client.Send("GET /api/v1/labels HTTP/1.1\r\nHost: t\r\n\r\n");
    }
  });
  for (int i = 0; i < 100; ++i) {
    TlsClient client(server_->port());
    ASSERT_TRUE(client.ready());
    EXPECT_THAT(client.Ask("/api/v1/labels"), HasSubstr("\"job\"")) << i;
  }
  leaving.get();
}

// Much more than the sockets hold, to a reader that begins late: writes wait in the midst of
// records.
TEST_F(ServerTlsTest, StreamsLargeAnswers) {
  std::vector<FakeDatabase::Sample> samples;
  for (int i = 0; i < 20'000; ++i) samples.push_back({i * 1000, i * 0.5});
  for (int i = 0; i < 40; ++i) {
    database_.AddSeries({{"__name__", "up"}, {"n", std::to_string(100 + i)}}, samples);
  }
  Start(TlsOptions());
  const std::string request =
      "GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
  TlsClient late(server_->port());
  ASSERT_TRUE(late.ready());
  late.Send(request);
  while (database_.open_streams == 0) std::this_thread::yield();
  std::string answer;
  EXPECT_TRUE(late.ReadToEnd(&answer));
  EXPECT_TRUE(answer.ends_with("]}]}}\r\n0\r\n\r\n"));
  EXPECT_GT(answer.size(), 10'000'000);
}

TEST_F(ServerTlsTest, BreaksOffWhatFails) {
  database_.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(20'000, {1000, 1}));
  database_.endless = true;
  database_.on_batch = [](int batch) {
    return batch < 20 ? arrow::Status::OK() : MakeError(ErrorKind::kCorrupt, "page is damaged");
  };
  Start(TlsOptions());
  TlsClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.0\r\n\r\n");
  std::string answer;
  EXPECT_FALSE(client.ReadToEnd(&answer));
}

TEST_F(ServerTlsTest, TakesPipelinedRequestsInPieces) {
  Start(TlsOptions());
  TlsClient client(server_->port());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += "POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc";
  }
  requests += "GET /-/healthy HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
  for (size_t at = 0; at < requests.size(); at += 777) client.Send(requests.substr(at, 777));
  std::string answer;
  EXPECT_TRUE(client.ReadToEnd(&answer));
  EXPECT_EQ(database_.writes().size(), 100);
  EXPECT_THAT(answer, HasSubstr("Larnax is Healthy."));
}

TEST_F(ServerTlsTest, TakesNewCertificatesForNewConnections) {
  ServerOptions options = TlsOptions();
  options.web_config_interval_ms = 1;
  Start(options);
  TlsClient old(server_->port());
  ASSERT_EQ(old.ServerName(), "first");
  SetIdentity(MakeIdentity("second"));
  while (TlsClient(server_->port()).ServerName() == "first") std::this_thread::yield();
  EXPECT_EQ(TlsClient(server_->port()).ServerName(), "second");
  EXPECT_THAT(old.Ask("/-/healthy"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTlsTest, GivesUpOnClientsThatDoNotShakeHands) {
  ServerOptions options = TlsOptions();
  options.header_timeout_ms = 30;
  Start(options);
  RawClient silent(server_->port());
  EXPECT_TRUE(silent.ReadToEnd());
  RawClient half(server_->port());
  half.Send("\x16\x03\x01\x02");
  EXPECT_TRUE(half.ReadToEnd());
  RawClient plain(server_->port());
  EXPECT_EQ(plain.Get("/-/healthy").status, 0);
}

TEST_F(ServerTlsTest, StopsWithHandshakesUnderWay) {
  ServerOptions options = TlsOptions();
  options.drain_timeout_ms = 1;
  Start(options);
  RawClient half(server_->port());
  half.Send("\x16\x03\x01\x02");
  TlsClient idle(server_->port());
  EXPECT_TRUE(idle.ready());
  (void)server_->Stop();
  EXPECT_TRUE(half.ReadToEnd());
}

TEST_F(ServerTlsTest, RefusesAKeyOfAnotherCertificate) {
  ServerOptions options = TlsOptions();
  SetIdentity({MakeIdentity("a").certificate, MakeIdentity("b").key});
  EXPECT_THAT(Server::Start(&database_, options),
              test::HasMessage("is not that of the certificate"));
}

}  // namespace
}  // namespace larnax::http
