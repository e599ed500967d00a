// A set of packet types, as the tables of properties and of reason codes name them.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "mqtt/protocol.h"

namespace bitacora::mqtt {

// The Will of a CONNECT has a property list of its own. In the tables it takes the place of packet type 0, which no
// packet has.
inline constexpr PacketType will_properties{0};

class PacketSet {
 public:
  constexpr PacketSet() noexcept = default;
  constexpr PacketSet(std::initializer_list<PacketType> types) noexcept {
    for (const PacketType type : types) bits_ |= bit(type);
  }
  [[nodiscard]] constexpr bool contains(PacketType type) const noexcept { return (bits_ & bit(type)) != 0; }

 private:
  static constexpr std::uint32_t bit(PacketType type) noexcept { return 1U << static_cast<unsigned>(type); }
  std::uint32_t bits_ = 0;
};

}  // namespace bitacora::mqtt
