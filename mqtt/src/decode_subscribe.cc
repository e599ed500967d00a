// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK (sections 3.8 to 3.11).
#include <optional>

#include "decode_packets.h"
#include "mqtt/topic.h"
#include "return_codes.h"

namespace bitacora::mqtt {
namespace {

constexpr auto malformed = ReasonCode::malformed_packet;
constexpr auto protocol_error = ReasonCode::protocol_error;

std::string_view decode_filter(Reader& reader) {
  const std::string_view filter = reader.string("Topic Filter");  // [MQTT-3.8.3-1], [MQTT-3.10.3-1]
  reader.expect(is_valid_topic_filter(filter), ReasonCode::topic_filter_invalid, "Topic Filter",
                "is not a topic filter");
  return filter;
}

SubscriptionOptions decode_subscription_options(Reader& reader, ProtocolVersion version) {
  const unsigned bits = reader.byte("Subscription Options");
  if (version != ProtocolVersion::v5) {
    reader.expect(bits <= 2, malformed, "Requested QoS", "is not 0, 1 or 2 [MQTT311-3.8.3-4]");
    return {.maximum_qos = QoS(bits & 0b11)};
  }
  const unsigned qos = bits & 0b11;
  const unsigned retain_handling = (bits >> 4) & 0b11;
  reader.expect((bits & 0b1100'0000) == 0, malformed, "Subscription Options", "have a reserved bit set [MQTT-3.8.3-5]");
  reader.expect(qos != 3, protocol_error, "Maximum QoS", "is 3");
  reader.expect(retain_handling != 3, protocol_error, "Retain Handling", "is 3");
  return {QoS(qos), (bits & 0b0100) != 0, (bits & 0b1000) != 0, RetainHandling(retain_handling)};
}

void check_count(Reader& reader, std::size_t count, std::size_t max_count) {
  reader.expect(count <= max_count, ReasonCode::quota_exceeded, "Topic Filters", "are more than this server takes");
}

}  // namespace

void decode_body(Reader& reader, const DecodeContext& context, Subscribe& packet) {
  packet.packet_id = reader.packet_id();
  if (context.has_properties()) {
    decode_properties(reader, PacketType::subscribe, context.limits, packet.properties);
  }
  reader.expect(!reader.at_end(), protocol_error, "the payload", "has no Topic Filter [MQTT-3.8.3-2]");
  while (!reader.at_end()) {
    SubscribeEntry entry;
    entry.filter = decode_filter(reader);
    entry.options = decode_subscription_options(reader, context.version);
    packet.entries.push_back(entry);
    check_count(reader, packet.entries.size(), context.limits.max_filters);
  }
}

void decode_body(Reader& reader, const DecodeContext& context, Suback& packet) {
  packet.packet_id = reader.packet_id();
  if (context.has_properties()) decode_properties(reader, PacketType::suback, context.limits, packet.properties);
  reader.expect(!reader.at_end(), protocol_error, "the payload", "has no Reason Code");
  while (!reader.at_end()) {  // in the order of the filters [MQTT-3.9.3-1]
    if (context.version == ProtocolVersion::v5) {
      packet.reasons.push_back(decode_reason(reader, PacketType::suback));  // [MQTT-3.9.3-2]
    } else {
      const std::optional<ReasonCode> reason = reason_of_suback_return_code(reader.byte("Return Code"));
      reader.expect(reason.has_value(), malformed, "Return Code", "is not 0, 1, 2 or 0x80 [MQTT311-3.9.3-2]");
      packet.reasons.push_back(reason.value_or(ReasonCode::unspecified_error));
    }
  }
}

void decode_body(Reader& reader, const DecodeContext& context, Unsubscribe& packet) {
  packet.packet_id = reader.packet_id();
  if (context.has_properties()) {
    decode_properties(reader, PacketType::unsubscribe, context.limits, packet.properties);
  }
  reader.expect(!reader.at_end(), protocol_error, "the payload", "has no Topic Filter [MQTT-3.10.3-2]");
  while (!reader.at_end()) {
    packet.filters.push_back(decode_filter(reader));
    check_count(reader, packet.filters.size(), context.limits.max_filters);
  }
}

void decode_body(Reader& reader, const DecodeContext& context, Unsuback& packet) {
  packet.packet_id = reader.packet_id();
  if (context.version != ProtocolVersion::v5) return;  // no payload there
  decode_properties(reader, PacketType::unsuback, context.limits, packet.properties);
  reader.expect(!reader.at_end(), protocol_error, "the payload", "has no Reason Code");
  while (!reader.at_end()) {  // [MQTT-3.11.3-1], [MQTT-3.11.3-2]
    packet.reasons.push_back(decode_reason(reader, PacketType::unsuback));
  }
}

}  // namespace bitacora::mqtt
