// PUBLISH (section 3.3) and its answers PUBACK, PUBREC, PUBREL, PUBCOMP (sections 3.4 to 3.7).
#include "decode_packets.h"
#include "mqtt/topic.h"

namespace bitacora::mqtt {
namespace {

constexpr std::uint8_t retain_flag = 0b0001;
constexpr std::uint8_t dup_flag = 0b1000;

void check_topic(Reader& reader, const Publish& packet) {
  if (reader.failed()) return;
  if (packet.topic.empty() && packet.properties.topic_alias) return;  // section 3.3.2.3.4
  if (packet.topic.empty()) {
    reader.fail(ReasonCode::protocol_error, "Topic Name", "is empty and there is no Topic Alias");
  } else if (!is_valid_topic_name(packet.topic)) {
    reader.fail(ReasonCode::topic_name_invalid, "Topic Name", "has a wildcard in it [MQTT-3.3.2-2]");
  }
}

void decode_ack(Reader& reader, const DecodeContext& context, PacketType type, Ack& packet) {
  packet.packet_id = reader.packet_id();
  if (context.version != ProtocolVersion::v5) return;
  if (reader.at_end()) return;                  // Remaining Length 2: success
  packet.reason = decode_reason(reader, type);  // [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1]
  if (reader.at_end()) return;                  // Remaining Length 3: no properties
  decode_properties(reader, type, context.limits, packet.properties);
}

}  // namespace

void decode_body(Reader& reader, const DecodeContext& context, Publish& packet) {
  const unsigned qos = (context.flags >> 1) & 0b11;
  reader.expect(qos != 3, ReasonCode::malformed_packet, "QoS", "is 3 [MQTT-3.3.1-4]");
  packet.qos = QoS(qos);
  packet.retain = (context.flags & retain_flag) != 0 ? Retain::yes : Retain::no;
  packet.dup = (context.flags & dup_flag) != 0 ? Dup::yes : Dup::no;
  reader.expect(packet.dup == Dup::no || qos != 0, ReasonCode::malformed_packet, "DUP",
                "is set on a QoS 0 message [MQTT-3.3.1-2]");

  packet.topic = reader.string("Topic Name");                                  // [MQTT-3.3.2-1]
  if (packet.qos != QoS::at_most_once) packet.packet_id = reader.packet_id();  // [MQTT-2.2.1-2]
  if (context.has_properties()) {
    decode_properties(reader, PacketType::publish, context.limits, packet.properties);
  }
  check_topic(reader, packet);
  packet.payload = reader.rest();
}

void decode_body(Reader& reader, const DecodeContext& context, Puback& packet) {
  decode_ack(reader, context, PacketType::puback, packet);
}
void decode_body(Reader& reader, const DecodeContext& context, Pubrec& packet) {
  decode_ack(reader, context, PacketType::pubrec, packet);
}
void decode_body(Reader& reader, const DecodeContext& context, Pubrel& packet) {
  decode_ack(reader, context, PacketType::pubrel, packet);
}
void decode_body(Reader& reader, const DecodeContext& context, Pubcomp& packet) {
  decode_ack(reader, context, PacketType::pubcomp, packet);
}

}  // namespace bitacora::mqtt
