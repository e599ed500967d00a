// The PROXY protocol's header, versions 1 and 2: what a proxy in front says of the client whose bytes follow. Only ever
// read from proxies that the configuration trusts. haproxy.org/download/2.8/doc/proxy-protocol.txt.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "net/ip_address.h"

namespace bitacora::net {

// A header is at most so long, its TLVs included.
inline constexpr std::size_t max_proxy_header = 4'096;

struct ProxyHeader {
  std::size_t size = 0;            // of the header; the client's own bytes come behind it
  std::optional<Endpoint> client;  // none: the proxy speaks for itself (LOCAL), or does not know (UNKNOWN)
  // The common name in the client's certificate, where the proxy ended TLS and found the certificate good.
  std::optional<std::string> common_name;
};

// nullopt: more bytes are needed. The error says for a person what is wrong.
[[nodiscard]] Result<std::optional<ProxyHeader>, std::string> parse_proxy_header(ByteView bytes);

}  // namespace bitacora::net
