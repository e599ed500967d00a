// How an MQTT listener is reached, and whom it lets in by which transport. docs/listeners.md says it for users.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/connection_origin.h"

namespace bitacora::net {

enum class DualStack : std::uint8_t { no, yes };

inline constexpr std::string_view unix_prefix = "unix:";

struct ListenAddress {
  // An IPv4 or IPv6 literal, or "unix:" and the path of a socket.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;                // 0: any free one
  DualStack dual_stack = DualStack::no;  // of "::": no is IPv6 alone, and 0.0.0.0 beside it is no conflict
  std::uint32_t socket_mode = 0660;      // of a Unix socket: who may connect

  [[nodiscard]] bool is_unix() const noexcept { return address.starts_with(unix_prefix); }
  [[nodiscard]] std::string unix_path() const { return address.substr(unix_prefix.size()); }
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

enum class Transport : std::uint8_t { tcp, tls, websocket, secure_websocket };
[[nodiscard]] constexpr bool is_secure(Transport transport) noexcept {
  return transport == Transport::tls || transport == Transport::secure_websocket;
}
[[nodiscard]] constexpr bool is_websocket(Transport transport) noexcept {
  return transport == Transport::websocket || transport == Transport::secure_websocket;
}

enum class ClientCertificates : std::uint8_t { none, optional, required };  // asked for by the server
enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

// Files are PEM. What is not a secret is read by the name; keys with a passphrase are not supported.
struct TlsOptions {
  std::string certificate_file;  // the server's, then what leads to its root
  std::string key_file;
  std::string client_ca_file;  // who may sign client certificates
  std::string crl_file;        // client certificates (and intermediates) that are revoked; empty: none
  ClientCertificates client_certificates = ClientCertificates::none;
  TlsVersion min_version = TlsVersion::v1_2;
  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

// What of a verified client certificate is the user's name.
enum class CertificateUser : std::uint8_t {
  none,
  common_name,  // the last CN of the subject
  dns_name,     // the first subject alternative name of this kind
  email,
  uri,
};

enum class ProxyProtocol : std::uint8_t { off, required };

// What may change while the server runs; it holds for connections to come.
struct ListenerRules {
  std::string name{};  // for messages and for rules that others make about it
  Transport transport = Transport::tcp;
  std::size_t max_connections = 100'000;
  // Of one IP address: open at once, and new in a second. Behind a proxy it is the address that the PROXY header tells.
  std::size_t max_connections_per_address = 256;
  std::uint32_t max_connection_rate = 50;
  // "10.0.0.7", "10.0.0.0/8": for whom those two do not hold. This machine itself, as long as nothing else is said.
  std::vector<std::string> unlimited_addresses{"127.0.0.0/8", "::1"};
  bridge::AnonymousAccess anonymous = bridge::AnonymousAccess::as_the_server_says;
  // For everything before MQTT: PROXY header, TLS, WebSocket.
  std::chrono::milliseconds handshake_timeout{10'000};
  TlsOptions tls{};
  CertificateUser certificate_user = CertificateUser::none;
  std::string websocket_path = "/mqtt";
  // Web pages that may connect, as "https://app.example.org"; "*": any. Clients that are no browsers need no entry.
  std::vector<std::string> websocket_origins{};
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  std::vector<std::string> trusted_proxies{};  // "10.0.0.7", "10.0.0.0/8": who may send PROXY headers
  friend bool operator==(const ListenerRules&, const ListenerRules&) = default;
};

struct ListenerOptions {
  ListenAddress where{};
  ListenerRules rules{};
};

}  // namespace bitacora::net
