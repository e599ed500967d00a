#include "net/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "base/endian.h"

namespace bitacora::net {
namespace {

[[noreturn]] void fail_with_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

[[noreturn]] void fail_with_openssl(const std::string& what) {
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  throw std::runtime_error(what + ": " + (reason == nullptr ? "closed" : reason));
}

}  // namespace

// --- sockets ---

SocketWire::SocketWire(int socket) : socket_(socket) {
  const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

SocketWire::~SocketWire() { ::close(socket_); }

void SocketWire::send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0) fail_with_errno("send");
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

Bytes SocketWire::receive() {
  std::array<std::byte, 64 << 10> buffer;
  const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN) throw std::runtime_error("nothing came from the server");
  if (size < 0 && errno != ECONNRESET) fail_with_errno("recv");
  if (size <= 0) return {};
  return {buffer.begin(), buffer.begin() + size};
}

std::unique_ptr<Wire> connect_tcp(std::uint16_t port, const std::string& address,
                                  std::optional<int> receive_buffer_size) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) throw std::runtime_error("bad address");
  const int socket = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail_with_errno("socket");
  auto wire = std::make_unique<SocketWire>(socket);
  if (receive_buffer_size) {
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &*receive_buffer_size, sizeof *receive_buffer_size);
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* to = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  if (::connect(socket, to, is_v4 ? sizeof v4 : sizeof v6) != 0) fail_with_errno("connect");
  return wire;
}

std::unique_ptr<Wire> connect_unix(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail_with_errno("socket");
  auto wire = std::make_unique<SocketWire>(socket);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail_with_errno("connect");
  return wire;
}

Cork::Cork(const Wire& wire) : socket_(wire.socket()) {
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

Cork::~Cork() {
  const int off = 0;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
}

void BytewiseWire::send(ByteView bytes) {
  for (const std::byte& byte : bytes) below_->send({&byte, 1});
}

// --- TLS ---

TlsWire::TlsWire(std::unique_ptr<Wire> below, const TlsClientOptions& options)
    : below_(std::move(below)), context_(SSL_CTX_new(TLS_client_method())) {
  ERR_clear_error();
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
  if (SSL_CTX_load_verify_file(context_.get(), options.ca_file.c_str()) != 1) fail_with_openssl("CA");
  if (!options.certificate_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context_.get(), options.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      fail_with_openssl("client certificate");
    }
  }
  ssl_.reset(SSL_new(context_.get()));
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), "127.0.0.1");
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  if (options.resumed != nullptr) SSL_set_session(ssl_.get(), options.resumed.get());
  for (;;) {
    const int result = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), result);
    if (result != 1 && error != SSL_ERROR_WANT_READ) fail_with_openssl("TLS handshake");
    flush();
    if (result == 1) return;
    if (!fill()) throw std::runtime_error("TLS handshake: the server closed");
  }
}

void TlsWire::flush() {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
  if (size <= 0) return;
  const Bytes taken = to_bytes({bytes, static_cast<std::size_t>(size)});
  (void)BIO_reset(SSL_get_wbio(ssl_.get()));
  below_->send(taken);
}

bool TlsWire::fill() {
  const Bytes bytes = below_->receive();
  if (bytes.empty()) return false;
  BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  return true;
}

void TlsWire::send(ByteView bytes) {
  if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) fail_with_openssl("TLS write");
  flush();
}

// With TLS 1.3 a client learns here that its certificate was refused.
Bytes TlsWire::receive() {
  std::array<std::byte, 16 << 10> buffer;
  for (;;) {
    const int size = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (size > 0) return {buffer.begin(), buffer.begin() + size};
    switch (SSL_get_error(ssl_.get(), size)) {
      case SSL_ERROR_ZERO_RETURN: return {};
      case SSL_ERROR_WANT_READ: break;
      default: fail_with_openssl("TLS read");
    }
    if (!fill()) return {};
  }
}

void TlsWire::finish() {
  (void)SSL_shutdown(ssl_.get());
  flush();
}

std::string TlsWire::server_name() const {
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl_.get())), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

bool TlsWire::peer_said_goodbye() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

std::shared_ptr<SSL_SESSION> TlsWire::session() const { return {SSL_get1_session(ssl_.get()), &SSL_SESSION_free}; }

bool TlsWire::was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

// --- WebSocket ---

std::string format(const UpgradeRequest& request) {
  std::string text = "GET " + request.path + " HTTP/1.1\r\nHost: " + request.host +
                     "\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: " + request.key +
                     "\r\nSec-WebSocket-Version: " + request.version + "\r\n";
  if (!request.protocol.empty()) text += "Sec-WebSocket-Protocol: " + request.protocol + "\r\n";
  if (!request.origin.empty()) text += "Origin: " + request.origin + "\r\n";
  return text + request.more + "\r\n";
}

std::string receive_head(Wire& wire, Bytes& rest) {
  for (;;) {
    const std::string_view text = as_text(rest);
    if (const std::size_t end = text.find("\r\n\r\n"); end != std::string_view::npos) {
      std::string head(text.substr(0, end + 4));
      rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(head.size()));
      return head;
    }
    const Bytes more = wire.receive();
    if (more.empty()) throw std::runtime_error("closed instead of a response");
    append(rest, more);
  }
}

WebSocketWire::WebSocketWire(std::unique_ptr<Wire> below, const UpgradeRequest& request) : below_(std::move(below)) {
  below_->send(as_bytes(format(request)));
  response_ = receive_head(*below_, input_);
  if (!response_.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(response_.substr(0, response_.find("\r\n")));
}

Bytes WebSocketWire::frame(unsigned first, ByteView payload) {
  Bytes bytes{static_cast<std::byte>(first)};
  constexpr unsigned masked = 0x80;
  if (payload.size() < 126) {
    bytes.push_back(static_cast<std::byte>(masked | payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    bytes.push_back(static_cast<std::byte>(masked | 126));
    append_be(bytes, static_cast<std::uint16_t>(payload.size()));
  } else {
    bytes.push_back(static_cast<std::byte>(masked | 127));
    append_be(bytes, static_cast<std::uint64_t>(payload.size()));
  }
  const std::array<std::byte, 4> mask{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};
  append(bytes, mask);
  for (std::size_t i = 0; i < payload.size(); ++i) bytes.push_back(payload[i] ^ mask[i % mask.size()]);
  return bytes;
}

void WebSocketWire::send_frame(unsigned first, ByteView payload) { below_->send(frame(first, payload)); }

void WebSocketWire::send(ByteView bytes) { send_frame(0x82, bytes); }

void WebSocketWire::finish() { send_frame(0x88, from_hex("03 E8")); }

Bytes WebSocketWire::receive() {
  for (;;) {
    std::size_t header = 2;
    std::uint64_t size = input_.size() < 2 ? 0 : std::to_integer<unsigned>(input_[1]);
    if (input_.size() >= 4 && size == 126) {
      header = 4;
      size = load_be<std::uint16_t>(input_.data() + 2);
    } else if (input_.size() >= 10 && size == 127) {
      header = 10;
      size = load_be<std::uint64_t>(input_.data() + 2);
    } else if (size > 125) {
      header = input_.size() + 1;  // not all of it is here
    }
    if (input_.size() < 2 || input_.size() < header + size) {
      const Bytes more = below_->receive();
      if (more.empty()) return {};
      append(input_, more);
      continue;
    }
    const auto begin = input_.begin() + static_cast<std::ptrdiff_t>(header);
    const Bytes payload(begin, begin + static_cast<std::ptrdiff_t>(size));
    const unsigned first = std::to_integer<unsigned>(input_[0]);
    input_.erase(input_.begin(), begin + static_cast<std::ptrdiff_t>(size));
    if (first == 0x82 && !payload.empty()) return payload;
    if (first == 0x8A) pongs_.emplace_back(as_text(payload));
    if (first == 0x88) close_code_ = payload.size() < 2 ? 0 : load_be<std::uint16_t>(payload.data());
  }
}

}  // namespace bitacora::net
