// How a test's client reaches the server: a socket, and what lies over it. Blocking; nothing waits for ever: what does
// not come within `patience` is an exception, which GoogleTest reports.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace bitacora::net {

inline constexpr std::chrono::seconds patience{20};

class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire() = default;

  virtual void send(ByteView bytes) = 0;
  // What came, at least a byte of it; empty: the server has closed, by FIN or reset.
  [[nodiscard]] virtual Bytes receive() = 0;
  [[nodiscard]] virtual int socket() const = 0;
  // Takes leave as the layer has it; the socket stays open.
  virtual void finish() {}
};

// A connected socket.
class SocketWire final : public Wire {
 public:
  explicit SocketWire(int socket);
  ~SocketWire() override;
  void send(ByteView bytes) override;
  [[nodiscard]] Bytes receive() override;
  [[nodiscard]] int socket() const override { return socket_; }

 private:
  int socket_;
};

[[nodiscard]] std::unique_ptr<Wire> connect_tcp(std::uint16_t port, const std::string& address = "127.0.0.1",
                                                std::optional<int> receive_buffer_size = std::nullopt);
[[nodiscard]] std::unique_ptr<Wire> connect_unix(const std::string& path);

// While it lives, what is sent on a TCP socket waits, and then goes in one piece.
class Cork {
 public:
  explicit Cork(const Wire& wire);
  ~Cork();
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;

 private:
  int socket_;
};

// Sends each byte by itself.
class BytewiseWire final : public Wire {
 public:
  explicit BytewiseWire(std::unique_ptr<Wire> below) : below_(std::move(below)) {}
  void send(ByteView bytes) override;
  [[nodiscard]] Bytes receive() override { return below_->receive(); }
  [[nodiscard]] int socket() const override { return below_->socket(); }

 private:
  std::unique_ptr<Wire> below_;
};

struct TlsClientOptions {
  std::string ca_file;             // who must have signed the server's certificate
  std::string certificate_file{};  // the client's own
  std::string key_file{};
  int max_version = TLS1_3_VERSION;
  std::shared_ptr<SSL_SESSION> resumed{};  // of an earlier connection
};

// Shakes hands in its constructor; throws if the server refuses or its certificate is not good for 127.0.0.1.
class TlsWire final : public Wire {
 public:
  TlsWire(std::unique_ptr<Wire> below, const TlsClientOptions& options);
  void send(ByteView bytes) override;
  [[nodiscard]] Bytes receive() override;
  [[nodiscard]] int socket() const override { return below_->socket(); }
  void finish() override;  // close_notify

  [[nodiscard]] std::string server_name() const;               // the common name in its certificate
  [[nodiscard]] bool peer_said_goodbye() const;                // close_notify came
  [[nodiscard]] std::shared_ptr<SSL_SESSION> session() const;  // with TLS 1.3: once something was received
  [[nodiscard]] bool was_resumed() const;

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  void flush();
  [[nodiscard]] bool fill();  // false at the end

  std::unique_ptr<Wire> below_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

struct UpgradeRequest {
  std::string path = "/mqtt";
  std::string protocol = "mqtt";
  std::string origin{};
  std::string host = "127.0.0.1";
  std::string version = "13";
  std::string key = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3
  std::string more{};                            // further header lines, each with its CR LF
};
[[nodiscard]] std::string format(const UpgradeRequest& request);

// The head of an HTTP response, up to and with its empty line; what follows it is left in `rest`.
[[nodiscard]] std::string receive_head(Wire& wire, Bytes& rest);

// Asks for the upgrade in its constructor; throws with the response's status line if it is refused.
class WebSocketWire final : public Wire {
 public:
  explicit WebSocketWire(std::unique_ptr<Wire> below, const UpgradeRequest& request = {});
  void send(ByteView bytes) override;  // one binary frame
  // Payload of binary frames; pongs and the close are kept. Empty once the server has closed.
  [[nodiscard]] Bytes receive() override;
  [[nodiscard]] int socket() const override { return below_->socket(); }
  void finish() override;  // a close frame

  // `first` is the first byte of the frame: FIN and opcode.
  void send_frame(unsigned first, ByteView payload);
  [[nodiscard]] static Bytes frame(unsigned first, ByteView payload);  // masked
  [[nodiscard]] Wire& below() { return *below_; }
  [[nodiscard]] const std::string& response() const { return response_; }
  [[nodiscard]] const std::vector<std::string>& pongs() const { return pongs_; }
  [[nodiscard]] std::optional<unsigned> close_code() const { return close_code_; }

 private:
  std::unique_ptr<Wire> below_;
  std::string response_;
  Bytes input_;
  std::vector<std::string> pongs_;
  std::optional<unsigned> close_code_;
};

}  // namespace bitacora::net
