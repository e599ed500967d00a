// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK (sections 3.8 to 3.11).
#include "encode_packets.h"
#include "return_codes.h"

namespace bitacora::mqtt {
namespace {

std::uint8_t bits_of(const SubscriptionOptions& options, ProtocolVersion version) noexcept {
  const auto qos = static_cast<unsigned>(options.maximum_qos);
  if (version != ProtocolVersion::v5) return static_cast<std::uint8_t>(qos);
  const auto no_local = static_cast<unsigned>(options.no_local);
  const auto retain_as_published = static_cast<unsigned>(options.retain_as_published);
  const auto retain_handling = static_cast<unsigned>(options.retain_handling);
  return static_cast<std::uint8_t>(retain_handling << 4 | retain_as_published << 3 | no_local << 2 | qos);
}

}  // namespace

void encode_body(Writer& writer, const Subscribe& packet, ProtocolVersion version) {
  BITACORA_ASSERT(!packet.entries.empty());  // [MQTT-3.8.3-2]
  BITACORA_ASSERT(packet.properties.subscription_identifiers.size() <= 1);
  writer.packet_id(packet.packet_id);
  if (version == ProtocolVersion::v5) encode_properties(writer, PacketType::subscribe, packet.properties);
  for (const SubscribeEntry& entry : packet.entries) {
    writer.string(entry.filter);
    writer.byte(bits_of(entry.options, version));
  }
}

void encode_body(Writer& writer, const Suback& packet, ProtocolVersion version) {
  BITACORA_ASSERT(!packet.reasons.empty());
  writer.packet_id(packet.packet_id);
  if (version == ProtocolVersion::v5) encode_properties(writer, PacketType::suback, packet.properties);
  for (const ReasonCode reason : packet.reasons) {
    const ReasonCode nearest = nearest_reason(PacketType::suback, reason);
    writer.byte(version == ProtocolVersion::v5 ? static_cast<std::uint8_t>(nearest) : suback_return_code(nearest));
  }
}

void encode_body(Writer& writer, const Unsubscribe& packet, ProtocolVersion version) {
  BITACORA_ASSERT(!packet.filters.empty());  // [MQTT-3.10.3-2]
  writer.packet_id(packet.packet_id);
  if (version == ProtocolVersion::v5) encode_properties(writer, PacketType::unsubscribe, packet.properties);
  for (const std::string_view filter : packet.filters) writer.string(filter);
}

void encode_body(Writer& writer, const Unsuback& packet, ProtocolVersion version) {
  writer.packet_id(packet.packet_id);
  if (version != ProtocolVersion::v5) return;  // no payload there
  BITACORA_ASSERT(!packet.reasons.empty());
  encode_properties(writer, PacketType::unsuback, packet.properties);
  for (const ReasonCode reason : packet.reasons) {
    writer.byte(static_cast<std::uint8_t>(nearest_reason(PacketType::unsuback, reason)));
  }
}

}  // namespace bitacora::mqtt
