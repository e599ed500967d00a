// A listener's rules made ready: certificates read, address ranges parsed. Immutable; each connection holds those under
// which it came, so a reload changes nothing for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/ip_address.h"
#include "net/listener_options.h"
#include "net/stream.h"
#include "tls_context.h"

namespace bitacora::net {

struct ListenerTerms {
  std::shared_ptr<const ListenerRules> rules;
  std::vector<AddressRange> trusted_proxies;
  std::vector<AddressRange> unlimited_addresses;
  std::shared_ptr<const TlsContext> tls;  // null without TLS

  [[nodiscard]] bool trusts(const IpAddress& address) const noexcept;
  [[nodiscard]] bool is_unlimited(const IpAddress& address) const noexcept;
  // The layers of a new connection; null where bytes are MQTT as they come.
  [[nodiscard]] std::unique_ptr<Stream> open_stream(std::uint64_t max_packet_size) const;
};

// For a person: which listener cannot be had like this, and why.
[[nodiscard]] Result<std::shared_ptr<const ListenerTerms>, std::string> make_terms(const ListenerRules& rules);

}  // namespace bitacora::net
