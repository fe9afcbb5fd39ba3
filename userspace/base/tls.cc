// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

namespace ov6 {
namespace {

// Records are of 16 KiB at most: several go in one system call, and come in one.
constexpr int kBuffer = 72 << 10;  // bytes
constexpr std::array<uint8_t, 9> kProtocol{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::string LastError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection broke";
  std::array<char, 256> text;
  ERR_error_string_n(code, text.data(), text.size());
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : text.data();
}

// A client that offers other protocols only is refused; one that offers none is taken.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                   unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, kProtocol.data(), kProtocol.size(), in, in_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

class Tls : public Stream {
 public:
  Tls(SSL* ssl, UniqueFd fd) : fd_(std::move(fd)), ssl_(ssl) {
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    BIO* buffer = BIO_new(BIO_f_buffer());
    BIO_set_write_buffer_size(buffer, kBuffer);
    out_ = BIO_push(buffer, BIO_new_socket(fd_.get(), BIO_NOCLOSE));
    SSL_set_bio(ssl_, BIO_new_socket(fd_.get(), BIO_NOCLOSE), out_);
    SSL_set_mode(
        ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  }
  ~Tls() override { SSL_free(ssl_); }

  int fd() const override { return fd_.get(); }
  const char* Name() const override { return "tls"; }
  IoResult Handshake() override { return Result(SSL_do_handshake(ssl_), 0); }
  IoResult Read(std::span<uint8_t> out) override {
    size_t size = 0;
    const int result = SSL_read_ex(ssl_, out.data(), out.size(), &size);
    return Result(result, size);
  }
  // While records wait that the socket does not take, the last byte in them counts as not written, so that
  // whoever writes comes again; it is then left out.
  IoResult Write(std::span<const uint8_t> bytes) override {
    size_t taken = std::exchange(owed_, false) ? 1 : 0;
    while (taken < bytes.size() && BIO_wpending(out_) < kBuffer) {
      size_t size = 0;
      const int result = SSL_write_ex(ssl_, bytes.data() + taken, bytes.size() - taken, &size);
      if (result != 1 && taken == 0) return Result(result, 0);
      if (result != 1) break;
      taken += size;
    }
    if (BIO_flush(out_) == 1) return {IoState::kDone, taken};
    if (!BIO_should_retry(out_)) return Fail();
    owed_ = true;
    return taken == 1 ? IoResult{IoState::kWantWrite} : IoResult{IoState::kDone, taken - 1};
  }
  void Close() override {
    if (SSL_is_init_finished(ssl_) == 1 && error_.empty()) SSL_shutdown(ssl_);
    BIO_flush(out_);
    ERR_clear_error();
    fd_ = UniqueFd();
  }
  const std::string& error() const override { return error_; }
  std::optional<Delivery> delivery() const override { return TcpDelivery(fd_.get()); }
  std::string PeerName() const override;

 private:
  IoResult Result(int result, size_t size) {
    if (result == 1) return {IoState::kDone, size};
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        return {IoState::kWantRead};
      case SSL_ERROR_WANT_WRITE:
        return {IoState::kWantWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {IoState::kEnd};
      default:
        return Fail();
    }
  }
  IoResult Fail() {
    const long verified = SSL_get_verify_result(ssl_);
    error_ = LastError();
    if (verified != X509_V_OK) error_ += std::string(": ") + X509_verify_cert_error_string(verified);
    return {IoState::kFailed};
  }

  UniqueFd fd_;
  SSL* ssl_;
  BIO* out_;           // the SSL's own
  bool owed_ = false;  // the first byte of the next Write is in records already
  std::string error_;
};

std::string Tls::PeerName() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
  std::array<char, 256> name{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                                             static_cast<int>(name.size()));
  // A zero byte inside would make two names look like one.
  return size > 0 && static_cast<size_t>(size) == std::string(name.data()).size() ? name.data() : "";
}

absl::Status LoadFiles(SSL_CTX* context, const TlsContext::Files& files) {
  const auto failed = [](const std::filesystem::path& path) {
    return absl::InvalidArgumentError(path.string() + " can't be used for TLS: " + LastError());
  };
  if (!files.certificate.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
      return failed(files.certificate);
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
      return failed(files.key);
    if (SSL_CTX_check_private_key(context) != 1) return failed(files.key);
  }
  if (!files.authorities.empty() && SSL_CTX_load_verify_file(context, files.authorities.c_str()) != 1)
    return failed(files.authorities);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<SSL_CTX>> Make(const SSL_METHOD* method, const TlsContext::Files& files) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return absl::ResourceExhaustedError("OpenSSL has no memory");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kBuffer);
  // An end without a goodbye is an end: capsules tell where they are whole.
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (absl::Status status = LoadFiles(context.get(), files); !status.ok()) return status;
  return context;
}

}  // namespace

absl::StatusOr<TlsContext> TlsContext::Server(const Files& files) {
  auto context = Make(TLS_server_method(), files);
  if (!context.ok()) return context.status();
  SSL_CTX_set_alpn_select_cb(context->get(), SelectProtocol, nullptr);
  // Nothing is resumed: with client certificates OpenSSL would refuse who tries.
  SSL_CTX_set_session_cache_mode(context->get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context->get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context->get(), 0);
  if (!files.authorities.empty()) SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  return TlsContext(*std::move(context));
}

absl::StatusOr<TlsContext> TlsContext::Client(const Files& files) {
  auto context = Make(TLS_client_method(), files);
  if (!context.ok()) return context.status();
  SSL_CTX_set_alpn_protos(context->get(), kProtocol.data(), kProtocol.size());
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  if (files.authorities.empty()) SSL_CTX_set_default_verify_paths(context->get());
  return TlsContext(*std::move(context));
}

std::unique_ptr<Stream> TlsContext::Accept(UniqueFd fd) const {
  SSL* ssl = SSL_new(context_.get());
  SSL_set_accept_state(ssl);
  return std::make_unique<Tls>(ssl, std::move(fd));
}

std::unique_ptr<Stream> TlsContext::Connect(UniqueFd fd, const std::string& host) const {
  SSL* ssl = SSL_new(context_.get());
  SSL_set_connect_state(ssl);
  in_addr address;
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  return std::make_unique<Tls>(ssl, std::move(fd));
}

}  // namespace ov6
