// A connection on its way from one thread to another: from the listener to the reception to its shard.
#pragma once

#include <string>

#include "base/bytes.h"
#include "descriptor.h"
#include "seats.h"

namespace bitacora::net {

struct Arrival {
  Descriptor socket;
  Seat seat;
  std::string peer;
  Bytes bytes{};  // read so far
};

}  // namespace bitacora::net
