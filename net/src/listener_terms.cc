#include "listener_terms.h"

#include <algorithm>
#include <utility>

#include "tls_layer.h"
#include "websocket_layer.h"

namespace bitacora::net {
namespace {

using Failed = Failure<std::string>;

// A client may put several packets into one frame; over this it has to cut.
constexpr std::uint64_t frame_allowance = 64 << 10;

std::string listener_text(const ListenerRules& rules) {
  return rules.name.empty() ? "a listener" : "listener \"" + rules.name + '"';
}

}  // namespace

bool ListenerTerms::trusts(const IpAddress& address) const noexcept {
  return std::any_of(trusted_proxies.begin(), trusted_proxies.end(),
                     [&address](const AddressRange& range) { return range.contains(address); });
}

std::unique_ptr<Stream> ListenerTerms::open_stream(std::uint64_t max_packet_size) const {
  std::vector<std::unique_ptr<Layer>> layers;
  if (tls != nullptr) layers.push_back(std::make_unique<TlsLayer>(tls, rules->certificate_user));
  if (is_websocket(rules->transport)) {
    layers.push_back(std::make_unique<WebSocketLayer>(rules, max_packet_size + frame_allowance));
  }
  return layers.empty() ? nullptr : std::make_unique<Stream>(std::move(layers));
}

Result<std::shared_ptr<const ListenerTerms>, std::string> make_terms(const ListenerRules& rules) {
  auto terms = std::make_shared<ListenerTerms>();
  terms->rules = std::make_shared<const ListenerRules>(rules);
  for (const std::string& text : rules.trusted_proxies) {
    const auto range = parse_address_range(text);
    if (!range) return Failed(listener_text(rules) + ": trusted_proxies: \"" + text + "\" is no address or range");
    terms->trusted_proxies.push_back(*range);
  }
  if (is_secure(rules.transport)) {
    auto tls = TlsContext::load(rules.tls);
    if (!tls) return Failed(listener_text(rules) + ": " + tls.error());
    terms->tls = std::move(*tls);
  }
  return std::shared_ptr<const ListenerTerms>(std::move(terms));
}

}  // namespace bitacora::net
