// A connection is counted to the address it comes from, where its listener's rules limit that address.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "bridge/metrics.h"
#include "listener_terms.h"
#include "net/ip_address.h"
#include "seats.h"

namespace bitacora::net {

// Nothing: `seat` is the address's now, until it is given back. Else why it may not have one, for a person; counted.
[[nodiscard]] std::optional<std::string_view> claim_for_address(Seat& seat, const ListenerTerms& terms,
                                                                const IpAddress& address,
                                                                bridge::BrokerMetrics& metrics, MonotonicTime now);

}  // namespace bitacora::net
