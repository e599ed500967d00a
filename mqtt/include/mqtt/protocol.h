// The numbers of MQTT: protocol levels, packet types, quality of service, packet ids.
#pragma once

#include <cstdint>

#include "base/strong.h"

namespace bitacora::mqtt {

// The value of the Protocol Level byte of CONNECT.
enum class ProtocolVersion : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth
};

enum class QoS : std::uint8_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };

// 1 .. 65535; 0 is no packet id.
using PacketId = Strong<struct PacketIdTag, std::uint16_t>;

[[nodiscard]] const char* name_of(PacketType) noexcept;       // "CONNECT"
[[nodiscard]] const char* name_of(ProtocolVersion) noexcept;  // "3.1", "3.1.1", "5.0"

}  // namespace bitacora::mqtt
