#include "address_claim.h"

#include <utility>

namespace bitacora::net {

std::optional<std::string_view> claim_for_address(Seat& seat, const ListenerTerms& terms, const IpAddress& address,
                                                  bridge::BrokerMetrics& metrics, MonotonicTime now) {
  if (terms.is_unlimited(address)) return std::nullopt;
  const AddressBounds bounds{terms.rules->max_connections_per_address, terms.rules->max_connection_rate};
  auto place = seat.addresses().admit(address, bounds, now);
  if (place) {
    seat.keep(std::move(*place));
    return std::nullopt;
  }
  metrics.connects_refused.add();
  if (place.error() == AddressLimits::Refusal::too_many) {
    metrics.reached(bridge::Limit::connections_per_address);
    return "its address has as many connections as max_connections_per_address allows";
  }
  metrics.reached(bridge::Limit::connection_rate);
  return "its address opens connections faster than max_connection_rate allows";
}

}  // namespace bitacora::net
