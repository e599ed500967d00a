#include "tls_layer.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "certificate_user.h"

namespace bitacora::net {
namespace {

using Wire = TlsLayer::Wire;

constexpr std::size_t max_record_payload = 16 << 10;

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

int read_wire(BIO* bio, char* into, int size) {
  ByteView& input = wire_of(bio).input;
  BIO_clear_retry_flags(bio);
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(input.size(), static_cast<std::size_t>(size));
  std::memcpy(into, input.data(), taken);
  input = input.subspan(taken);
  return static_cast<int>(taken);
}

int write_wire(BIO* bio, const char* from, int size) {
  Bytes* const output = wire_of(bio).output;
  BITACORA_ASSERT(output != nullptr);
  append(*output, as_bytes({from, static_cast<std::size_t>(size)}));
  return size;
}

long control_wire(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

// One for the process, as OpenSSL wants it.
BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire in memory");
    BITACORA_ASSERT(made != nullptr);
    BIO_meth_set_read(made, &read_wire);
    BIO_meth_set_write(made, &write_wire);
    BIO_meth_set_ctrl(made, &control_wire);
    return made;
  }();
  return method;
}

}  // namespace

TlsLayer::TlsLayer(std::shared_ptr<const TlsContext> context, CertificateUser certificate_user)
    : context_(std::move(context)), certificate_user_(certificate_user), ssl_(SSL_new(context_->get())) {
  BITACORA_ASSERT(ssl_ != nullptr);
  BIO* const bio = BIO_new(wire_method());
  BITACORA_ASSERT(bio != nullptr);
  BIO_set_data(bio, &wire_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // owns it from here
  SSL_set_accept_state(ssl_.get());
}

Layer::State TlsLayer::receive(ByteView wire, Bytes& up, Bytes& down) {
  if (state_ == State::ended || state_ == State::failed) return state_;
  ERR_clear_error();  // of others on this thread: SSL_get_error looks there
  wire_ = {wire, &down};
  state_ = go_on(up);
  wire_ = {};
  return state_;
}

Layer::State TlsLayer::go_on(Bytes& up) {
  if (state_ == State::handshake) {
    if (const State now = shake_hands(); now != State::open) return now;
    has_opened_ = true;
  }
  std::array<std::byte, max_record_payload> payload;
  for (;;) {
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_.get(), payload.data(), payload.size(), &size);
    if (result == 1) {
      append(up, ByteView(payload).first(size));
      continue;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ: BITACORA_ASSERT(wire_.input.empty()); return State::open;
      case SSL_ERROR_ZERO_RETURN: return State::ended;  // close_notify
      default: return fail("TLS: " + reason_of_failure());
    }
  }
}

Layer::State TlsLayer::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return State::handshake;
    return fail("TLS handshake: " + reason_of_failure());
  }
  // Verified, or OpenSSL would not have come here.
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || certificate_user_ == CertificateUser::none) return State::open;
  BITACORA_ASSERT(SSL_get_verify_result(ssl_.get()) == X509_V_OK);
  user_ = user_of(certificate, certificate_user_);
  if (!user_) return fail("TLS: the client's certificate does not have the name that makes its user");
  return State::open;
}

Layer::State TlsLayer::fail(std::string why) {
  failure_ = std::move(why);
  return State::failed;
}

std::string TlsLayer::reason_of_failure() const {
  const long verified = SSL_get_verify_result(ssl_.get());
  std::string reason = take_openssl_error();
  if (verified != X509_V_OK) reason += std::string(": ") + X509_verify_cert_error_string(verified);
  return reason;
}

void TlsLayer::send(ByteView payload, Bytes& down) {
  if (state_ == State::failed || state_ == State::handshake || payload.empty()) return;
  ERR_clear_error();
  wire_ = {{}, &down};
  std::size_t written = 0;
  // Memory takes everything, so it is all or an error, such as after finish().
  const int result = SSL_write_ex(ssl_.get(), payload.data(), payload.size(), &written);
  wire_ = {};
  if (result != 1 && state_ == State::open) state_ = fail("TLS: " + take_openssl_error());
  ERR_clear_error();
}

void TlsLayer::finish(Bytes& down) {
  if (state_ == State::failed || state_ == State::handshake) return;  // OpenSSL forbids it there
  ERR_clear_error();
  wire_ = {{}, &down};
  (void)SSL_shutdown(ssl_.get());  // close_notify; the peer's own is not waited for
  wire_ = {};
  ERR_clear_error();
}

}  // namespace bitacora::net
