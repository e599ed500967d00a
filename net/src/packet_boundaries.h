// Where MQTT packets end in a stream of their bytes that comes in pieces of any size. For WebSocket: a frame may hold
// any piece of the stream [MQTT-6.0.0-2], but clients are about that expect whole packets, one a frame (Paho C up
// to 1.3: what follows the first packet of a frame waits there until the next frame comes).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace bitacora::net {

class PacketBoundaries {
 public:
  // How many of `bytes`, which are not empty, belong to the packet that is under way or, if none is, to the one that
  // begins there; those are then done with. The stream is well-formed.
  [[nodiscard]] std::size_t next(ByteView bytes);

 private:
  enum class Expecting : std::uint8_t { type, length, body };

  Expecting expecting_ = Expecting::type;
  unsigned shift_ = 0;  // of the next byte of Remaining Length
  std::uint32_t body_left_ = 0;
};

}  // namespace bitacora::net
