// The system calls on stream sockets, and no more: every socket is non-blocking and closed on exec, no call raises
// SIGPIPE. When to call is the event loop's business. A stream keeps the order and loses nothing [MQTT-4.2-1].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "descriptor.h"
#include "net/ip_address.h"
#include "net/listener_options.h"

namespace bitacora::net::tcp {

// A listening TCP socket, or for a person: which address, why not, what to do.
[[nodiscard]] Result<Descriptor, std::string> listen_on(const ListenAddress& where);

[[nodiscard]] std::uint16_t local_port(const Descriptor& socket);  // 0: it has none

struct Accepted {
  Descriptor socket;             // Nagle's delay is off, keep-alive probes are on
  std::optional<Endpoint> peer;  // nullopt: it came by a Unix socket
};
// The next connection that waits, or the errno: EAGAIN if there is none.
[[nodiscard]] Result<Accepted, int> accept_from(int listening_socket);

enum class IoState : std::uint8_t {
  some,         // `size` bytes were moved
  would_block,  // none now
  ended,        // reading only: the peer has sent all it will
  broken,       // the connection is gone
};
struct IoResult {
  IoState state = IoState::would_block;
  std::size_t size = 0;
};
[[nodiscard]] IoResult read_some(int socket, std::span<std::byte> into);
[[nodiscard]] IoResult write_some(int socket, ByteView bytes);
// Tells the peer that nothing more will come.
void shut_down_writing(int socket) noexcept;
// Whether the socket is in an error state or its peer has sent all it will; looks without taking.
[[nodiscard]] bool has_failed(int socket) noexcept;

}  // namespace bitacora::net::tcp
