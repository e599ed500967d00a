// PINGREQ, PINGRESP, DISCONNECT and AUTH (sections 3.12 to 3.15).
#include "encode_packets.h"

namespace bitacora::mqtt {

void encode_body(Writer&, const Pingreq&, ProtocolVersion) {}
void encode_body(Writer&, const Pingresp&, ProtocolVersion) {}

void encode_body(Writer& writer, const Disconnect& packet, ProtocolVersion version) {
  if (version != ProtocolVersion::v5) return;  // empty there
  const ReasonCode reason = nearest_reason(PacketType::disconnect, packet.reason);
  const bool has_properties = property_list_size(PacketType::disconnect, packet.properties) != 0;
  if (reason == ReasonCode::success && !has_properties) return;
  writer.byte(static_cast<std::uint8_t>(reason));
  if (has_properties) encode_properties(writer, PacketType::disconnect, packet.properties);
}

void encode_body(Writer& writer, const Auth& packet, ProtocolVersion version) {
  BITACORA_ASSERT(version == ProtocolVersion::v5);
  BITACORA_ASSERT(may_carry(PacketType::auth, packet.reason));  // [MQTT-3.15.2-1]
  if (packet.reason == ReasonCode::success && property_list_size(PacketType::auth, packet.properties) == 0) return;
  writer.byte(static_cast<std::uint8_t>(packet.reason));
  encode_properties(writer, PacketType::auth, packet.properties);
}

}  // namespace bitacora::mqtt
