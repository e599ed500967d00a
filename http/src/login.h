// From a request's Authorization header, or the certificate of its connection, to its caller.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "caller.h"
#include "door.h"
#include "identity/authenticator.h"
#include "parameters.h"

namespace bitacora::http {

// What a client says of itself, and what its connection says of it.
struct Claim {
  std::string peer;                             // "127.0.0.1:50123"
  std::optional<std::string> certificate_user;  // of a certificate that was verified
  std::string authorization;                    // the header as it came; may be empty
};

// "Basic dXNlcjpwYXNz" or "Bearer <JWT>" as a user name and a password or token. nullopt: neither of them.
[[nodiscard]] std::optional<identity::Credentials> parse_authorization(std::string_view header);

// The caller, or the answer: 401 with what may be sent instead, 503 if too many log in at once. A password is judged
// on the threads that hash for MQTT.
[[nodiscard]] asio::awaitable<Parsed<std::shared_ptr<Caller>>> log_in(Door& door, Claim claim);

}  // namespace bitacora::http
