// Where a connection came from and what its transport vouches for. Whoever owns the socket (net/, a simulator) says it
// once, when it opens the connection; nothing here came out of an MQTT packet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bitacora::bridge {

// What a listener says of clients that give no name.
enum class AnonymousAccess : std::uint8_t { as_the_server_says, refused, allowed };

struct ConnectionOrigin {
  // For messages to people: "127.0.0.1:50123", "[::1]:50123", "unix:/run/bitacora.sock". Behind a trusted proxy, the
  // address of the client and not of the proxy.
  std::string peer;
  std::string listener{};  // its name in the configuration; empty where nobody gave it one
  // The user that a client certificate names. Only ever set from a certificate whose chain was verified.
  std::optional<std::string> certificate_user{};
  AnonymousAccess anonymous = AnonymousAccess::as_the_server_says;

  friend bool operator==(const ConnectionOrigin&, const ConnectionOrigin&) = default;
};

}  // namespace bitacora::bridge
