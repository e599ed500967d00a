// The HTTP request that asks for a WebSocket (RFC 6455 section 4), judged, and the response to it.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "net/listener_options.h"

namespace bitacora::net {

// Request line and headers; larger requests are refused.
inline constexpr std::size_t max_upgrade_request = 8 << 10;

struct UpgradeAnswer {
  Bytes response;
  std::string refusal{};  // why, for a person; empty: it is a WebSocket now
};

// `head` is the request up to and with its empty line. The listener's path, origins and security count.
[[nodiscard]] UpgradeAnswer answer_upgrade(ByteView head, const ListenerRules& rules);

// The answer to a request that is over max_upgrade_request.
[[nodiscard]] UpgradeAnswer refuse_large_request();

}  // namespace bitacora::net
