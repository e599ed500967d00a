// TLS, the server's side, by OpenSSL without its I/O: records are read from and written to memory.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "net/layer.h"
#include "tls_context.h"

namespace bitacora::net {

class TlsLayer final : public Layer {
 public:
  TlsLayer(std::shared_ptr<const TlsContext> context, CertificateUser certificate_user);

  [[nodiscard]] State receive(ByteView wire, Bytes& up, Bytes& down) override;
  void send(ByteView payload, Bytes& down) override;
  void finish(Bytes& down) override;
  [[nodiscard]] bool has_opened() const noexcept override { return has_opened_; }
  [[nodiscard]] const std::string& failure() const noexcept override { return failure_; }
  [[nodiscard]] const std::optional<std::string>& user() const noexcept override { return user_; }

  // What OpenSSL reads from and writes to during one call; it takes all input in the call it is given in.
  struct Wire {
    ByteView input;
    Bytes* output = nullptr;
  };

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };

  [[nodiscard]] State go_on(Bytes& up);
  [[nodiscard]] State shake_hands();
  [[nodiscard]] State fail(std::string why);
  [[nodiscard]] std::string reason_of_failure() const;

  std::shared_ptr<const TlsContext> context_;
  CertificateUser certificate_user_;
  Wire wire_;
  std::unique_ptr<SSL, Free> ssl_;
  State state_ = State::handshake;
  bool has_opened_ = false;
  std::string failure_;
  std::optional<std::string> user_;
};

}  // namespace bitacora::net
