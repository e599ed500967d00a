// A connection on its way from one thread to another: from the listener to the reception, and from there to its shard.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "bridge/connection_origin.h"
#include "descriptor.h"
#include "listener_terms.h"
#include "net/ip_address.h"
#include "net/stream.h"
#include "seats.h"

namespace bitacora::net {

// Accepted, and nothing more is known of it.
struct Newcomer {
  Descriptor socket;
  Seat seat;
  std::optional<Endpoint> peer;  // nullopt: it came by a Unix socket
  bridge::ConnectionOrigin origin;
  std::shared_ptr<const ListenerTerms> terms;
};

// Its transport stands, and its client id is known.
struct Arrival {
  Descriptor socket;
  Seat seat;
  bridge::ConnectionOrigin origin;
  std::unique_ptr<Stream> stream;  // null: its bytes are MQTT as they come
  Bytes bytes{};                   // of MQTT, read so far
  bool peer_ended = false;         // nothing more will come: its stream has ended
};

}  // namespace bitacora::net
