#include "tcp.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace bitacora::net::tcp {
namespace {

using Failed = Failure<std::string>;
using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

// A peer that vanished without a word is found out in about two minutes, also where MQTT's keep-alive is off.
constexpr int keep_alive_idle_s = 60;
constexpr int keep_alive_interval_s = 15;
constexpr int keep_alive_probes = 4;

void set_option(int socket, int level, int name, int value) noexcept {
  // Only tuning is set here: a socket that refuses it still works.
  (void)::setsockopt(socket, level, name, &value, sizeof value);
}

std::string text_of(const ListenAddress& where) {
  const bool is_ipv6 = where.address.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + where.address + ']' : where.address) + ':' + std::to_string(where.port);
}

std::string advice_for(int error) {
  switch (error) {
    case EADDRINUSE:
      return "another program has it, perhaps another bitacora: stop that one, or listen on another port";
    case EADDRNOTAVAIL: return "this machine has no such address: use one of its own, 127.0.0.1 or 0.0.0.0";
    case EACCES:
      return "ports below 1024 need a privilege: use a higher port, or give the program CAP_NET_BIND_SERVICE";
    case EAFNOSUPPORT: return "this machine has no such address family: listen on an IPv4 address";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    default: return "check the address";
  }
}

Failed refusal(const ListenAddress& where, int error) {
  return Failed("cannot listen on " + text_of(where) + ": " + std::generic_category().message(error) + "; " +
                advice_for(error));
}

AddressList parse(const ListenAddress& where) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  (void)::getaddrinfo(where.address.c_str(), std::to_string(where.port).c_str(), &hints, &found);
  return {found, &::freeaddrinfo};
}

std::optional<Endpoint> endpoint_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    Endpoint endpoint{{}, ntohs(v6.sin6_port)};
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, endpoint.address.bytes.size());
    return endpoint;
  }
  if (peer.ss_family != AF_INET) return std::nullopt;
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
  std::array<std::byte, 4> bytes{};
  std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
  return Endpoint{ipv4_address(bytes), ntohs(v4.sin_port)};
}

IoResult result_of_error(int error) noexcept {
  const bool later = error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS || error == ENOMEM;
  return {later ? IoState::would_block : IoState::broken, 0};
}

}  // namespace

Result<Descriptor, std::string> listen_on(const ListenAddress& where) {
  const AddressList parsed = parse(where);
  if (parsed == nullptr) {
    return Failed("cannot listen on " + text_of(where) + ": \"" + where.address +
                  "\" is no IPv4 or IPv6 address; write it in numbers, as 127.0.0.1 or ::1");
  }
  Descriptor socket(::socket(parsed->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return refusal(where, errno);
  set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1);  // a restart need not wait for TIME_WAIT
  if (parsed->ai_family == AF_INET6) {
    set_option(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, where.dual_stack == DualStack::yes ? 0 : 1);
  }
  if (::bind(socket.number(), parsed->ai_addr, parsed->ai_addrlen) != 0) return refusal(where, errno);
  if (::listen(socket.number(), SOMAXCONN) != 0) return refusal(where, errno);
  return socket;
}

std::uint16_t local_port(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  if (address.ss_family != AF_INET) return 0;
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Result<Accepted, int> accept_from(int listening_socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Descriptor socket(
      ::accept4(listening_socket, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) return Failure<int>(errno);
  auto from = endpoint_of(peer);
  if (!from) return Accepted{std::move(socket), std::nullopt};
  set_option(socket.number(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket.number(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket.number(), IPPROTO_TCP, TCP_KEEPIDLE, keep_alive_idle_s);
  set_option(socket.number(), IPPROTO_TCP, TCP_KEEPINTVL, keep_alive_interval_s);
  set_option(socket.number(), IPPROTO_TCP, TCP_KEEPCNT, keep_alive_probes);
  return Accepted{std::move(socket), from};
}

IoResult read_some(int socket, std::span<std::byte> into) {
  const ssize_t size = ::recv(socket, into.data(), into.size(), 0);
  if (size > 0) return {IoState::some, static_cast<std::size_t>(size)};
  if (size == 0) return {IoState::ended, 0};
  return result_of_error(errno);
}

IoResult write_some(int socket, ByteView bytes) {
  const ssize_t size = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (size >= 0) return {IoState::some, static_cast<std::size_t>(size)};
  return result_of_error(errno);
}

void shut_down_writing(int socket) noexcept { (void)::shutdown(socket, SHUT_WR); }

bool has_failed(int socket) noexcept {
  std::byte byte{};
  const ssize_t size = ::recv(socket, &byte, 1, MSG_PEEK);
  if (size > 0) return false;
  return size == 0 || result_of_error(errno).state == IoState::broken;
}

}  // namespace bitacora::net::tcp
