// CONNECT (section 3.1) and CONNACK (section 3.2).
#include "encode_packets.h"
#include "packet_set.h"
#include "return_codes.h"

namespace bitacora::mqtt {
namespace {

std::uint8_t connect_flags_of(const Connect& packet) noexcept {
  unsigned flags = static_cast<unsigned>(packet.clean_start) << 1;
  if (packet.will) {
    flags |= 1U << 2;
    flags |= static_cast<unsigned>(packet.will->qos) << 3;
    flags |= static_cast<unsigned>(packet.will->retain) << 5;
  }
  flags |= static_cast<unsigned>(packet.password.has_value()) << 6;
  flags |= static_cast<unsigned>(packet.user_name.has_value()) << 7;
  return static_cast<std::uint8_t>(flags);
}

}  // namespace

void encode_body(Writer& writer, const Connect& packet, ProtocolVersion) {
  const bool has_properties = packet.version == ProtocolVersion::v5;
  BITACORA_ASSERT(has_properties || packet.user_name || !packet.password);

  writer.string(packet.version == ProtocolVersion::v3_1 ? "MQIsdp" : "MQTT");
  writer.byte(static_cast<std::uint8_t>(packet.version));
  writer.byte(connect_flags_of(packet));
  writer.two_byte_integer(packet.keep_alive);
  if (has_properties) encode_properties(writer, PacketType::connect, packet.properties);

  writer.string(packet.client_id);
  if (packet.will) {
    if (has_properties) encode_properties(writer, will_properties, packet.will->properties);
    writer.string(packet.will->topic);
    writer.binary(packet.will->payload);
  }
  if (packet.user_name) writer.string(*packet.user_name);
  if (packet.password) writer.binary(*packet.password);
}

void encode_body(Writer& writer, const Connack& packet, ProtocolVersion version) {
  BITACORA_ASSERT(packet.session_present == SessionPresent::no || packet.reason == ReasonCode::success);
  writer.byte(version == ProtocolVersion::v3_1 ? std::uint8_t{0} : static_cast<std::uint8_t>(packet.session_present));
  if (version == ProtocolVersion::v5) {
    writer.byte(static_cast<std::uint8_t>(nearest_reason(PacketType::connack, packet.reason)));
    encode_properties(writer, PacketType::connack, packet.properties);
  } else {
    writer.byte(connack_return_code(packet.reason));
  }
}

}  // namespace bitacora::mqtt
