// PUBLISH (section 3.3) and its answers PUBACK, PUBREC, PUBREL, PUBCOMP (sections 3.4 to 3.7).
#include "encode_packets.h"

namespace bitacora::mqtt {
namespace {

// The shortest form that says it: no reason when it is success, no property list when it is empty.
void encode_ack(Writer& writer, PacketType type, const Ack& packet, ProtocolVersion version) {
  writer.packet_id(packet.packet_id);
  if (version != ProtocolVersion::v5) return;
  const ReasonCode reason = nearest_reason(type, packet.reason);
  const bool has_properties = property_list_size(type, packet.properties) != 0;
  if (reason == ReasonCode::success && !has_properties) return;
  writer.byte(static_cast<std::uint8_t>(reason));
  if (has_properties) encode_properties(writer, type, packet.properties);
}

}  // namespace

void encode_body(Writer& writer, const Publish& packet, ProtocolVersion version) {
  BITACORA_ASSERT(packet.qos != QoS::at_most_once || packet.dup == Dup::no);  // [MQTT-3.3.1-2]
  writer.string(packet.topic);
  if (packet.qos != QoS::at_most_once) writer.packet_id(packet.packet_id);  // [MQTT-2.2.1-2]
  if (version == ProtocolVersion::v5) encode_properties(writer, PacketType::publish, packet.properties);
  writer.raw(packet.payload);
}

void encode_body(Writer& writer, const Puback& packet, ProtocolVersion version) {
  encode_ack(writer, PacketType::puback, packet, version);
}
void encode_body(Writer& writer, const Pubrec& packet, ProtocolVersion version) {
  encode_ack(writer, PacketType::pubrec, packet, version);
}
void encode_body(Writer& writer, const Pubrel& packet, ProtocolVersion version) {
  encode_ack(writer, PacketType::pubrel, packet, version);
}
void encode_body(Writer& writer, const Pubcomp& packet, ProtocolVersion version) {
  encode_ack(writer, PacketType::pubcomp, packet, version);
}

}  // namespace bitacora::mqtt
