#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

namespace bitacora {

std::uint32_t crc32c(ByteView bytes) noexcept { return crc32c_extend(0, bytes); }

std::uint32_t crc32c_extend(std::uint32_t crc_of_a, ByteView b) noexcept {
  constexpr std::size_t piece_max = std::numeric_limits<int>::max();
  std::uint32_t state = ~crc_of_a;
  while (!b.empty()) {
    const std::size_t piece = std::min(b.size(), piece_max);
    // ISA-L's C interface is not const-correct; it only reads.
    auto* from = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(b.data()));
    state = crc32_iscsi(from, static_cast<int>(piece), state);
    b = b.subspan(piece);
  }
  return ~state;
}

}  // namespace bitacora
