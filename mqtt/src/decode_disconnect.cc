// PINGREQ, PINGRESP, DISCONNECT and AUTH (sections 3.12 to 3.15).
#include "decode_packets.h"

namespace bitacora::mqtt {

void decode_body(Reader&, const DecodeContext&, Pingreq&) {}
void decode_body(Reader&, const DecodeContext&, Pingresp&) {}

void decode_body(Reader& reader, const DecodeContext& context, Disconnect& packet) {
  if (context.version != ProtocolVersion::v5) return;             // empty there
  if (reader.at_end()) return;                                    // Remaining Length 0: normal disconnection
  packet.reason = decode_reason(reader, PacketType::disconnect);  // [MQTT-3.14.2-1]
  if (reader.at_end()) return;                                    // Remaining Length 1: no properties
  decode_properties(reader, PacketType::disconnect, context.limits, packet.properties);
}

void decode_body(Reader& reader, const DecodeContext& context, Auth& packet) {
  if (context.version != ProtocolVersion::v5) {
    reader.fail(ReasonCode::malformed_packet, "the packet type", "is of MQTT 5.0");
    return;
  }
  if (reader.at_end()) return;                              // Remaining Length 0: success
  packet.reason = decode_reason(reader, PacketType::auth);  // [MQTT-3.15.2-1]
  decode_properties(reader, PacketType::auth, context.limits, packet.properties);
}

}  // namespace bitacora::mqtt
