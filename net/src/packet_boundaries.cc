#include "packet_boundaries.h"

#include <algorithm>

#include "base/assert.h"

namespace bitacora::net {

std::size_t PacketBoundaries::next(ByteView bytes) {
  BITACORA_ASSERT(!bytes.empty());
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (expecting_ == Expecting::body) {
      const std::size_t size = std::min<std::size_t>(body_left_, bytes.size() - at);
      at += size;
      body_left_ -= static_cast<std::uint32_t>(size);
    } else {
      const auto byte = std::to_integer<std::uint32_t>(bytes[at++]);
      if (expecting_ == Expecting::type) {
        expecting_ = Expecting::length;
        continue;
      }
      body_left_ |= (byte & 0x7fU) << shift_;
      shift_ += 7;
      if ((byte & 0x80U) != 0) continue;
      expecting_ = Expecting::body;
    }
    if (body_left_ == 0) {
      expecting_ = Expecting::type;
      shift_ = 0;
      break;
    }
  }
  return at;
}

}  // namespace bitacora::net
