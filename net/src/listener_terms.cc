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

bool any_contains(const std::vector<AddressRange>& ranges, const IpAddress& address) noexcept {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&address](const AddressRange& range) { return range.contains(address); });
}

// Adds what `texts` say; false, with the one that says nothing in `bad`.
bool parse_ranges(const std::vector<std::string>& texts, std::vector<AddressRange>& to, std::string& bad) {
  for (const std::string& text : texts) {
    const auto range = parse_address_range(text);
    if (!range) {
      bad = text;
      return false;
    }
    to.push_back(*range);
  }
  return true;
}

}  // namespace

bool ListenerTerms::trusts(const IpAddress& address) const noexcept { return any_contains(trusted_proxies, address); }

bool ListenerTerms::is_unlimited(const IpAddress& address) const noexcept {
  return any_contains(unlimited_addresses, address);
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
  std::string bad;
  if (!parse_ranges(rules.trusted_proxies, terms->trusted_proxies, bad)) {
    return Failed(listener_text(rules) + ": trusted_proxies: \"" + bad + "\" is no address or range");
  }
  if (!parse_ranges(rules.unlimited_addresses, terms->unlimited_addresses, bad)) {
    return Failed(listener_text(rules) + ": unlimited_addresses: \"" + bad + "\" is no address or range");
  }
  if (is_secure(rules.transport)) {
    auto tls = TlsContext::load(rules.tls);
    if (!tls) return Failed(listener_text(rules) + ": " + tls.error());
    terms->tls = std::move(*tls);
  }
  return std::shared_ptr<const ListenerTerms>(std::move(terms));
}

}  // namespace bitacora::net
