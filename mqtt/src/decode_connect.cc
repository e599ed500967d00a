// CONNECT (section 3.1) and CONNACK (section 3.2).
#include <optional>

#include "decode_packets.h"
#include "mqtt/topic.h"
#include "packet_set.h"
#include "return_codes.h"

namespace bitacora::mqtt {
namespace {

constexpr std::uint8_t reserved_flag = 0x01;
constexpr std::uint8_t clean_start_flag = 0x02;
constexpr std::uint8_t will_flag = 0x04;
constexpr std::uint8_t will_qos_bits = 0x18;
constexpr std::uint8_t will_retain_flag = 0x20;
constexpr std::uint8_t password_flag = 0x40;
constexpr std::uint8_t user_name_flag = 0x80;

bool is_spoken(std::string_view name, std::uint8_t level) noexcept {
  if (name == "MQTT") return level == 4 || level == 5;
  return name == "MQIsdp" && level == 3;
}

// 3.1 gives no meaning to flags that stand for nothing, so they are not looked at there.
void check_connect_flags(Reader& reader, ProtocolVersion version, std::uint8_t flags) {
  constexpr auto malformed = ReasonCode::malformed_packet;
  reader.expect((flags & will_qos_bits) != will_qos_bits, malformed, "Will QoS", "is 3 [MQTT-3.1.2-12]");
  if (version != ProtocolVersion::v3_1) {
    reader.expect((flags & reserved_flag) == 0, malformed, "the reserved connect flag", "is set [MQTT-3.1.2-3]");
    if ((flags & will_flag) == 0) {
      reader.expect((flags & will_qos_bits) == 0, malformed, "Will QoS", "is set without a Will [MQTT-3.1.2-11]");
      reader.expect((flags & will_retain_flag) == 0, malformed, "Will Retain", "is set without a Will [MQTT-3.1.2-13]");
    }
  }
  if (version != ProtocolVersion::v5) {  // [MQTT311-3.1.2-22]
    reader.expect((flags & password_flag) == 0 || (flags & user_name_flag) != 0, malformed, "the password",
                  "comes without a user name");
  }
}

Will decode_will(Reader& reader, const DecodeContext& context, std::uint8_t flags) {
  Will will;
  will.qos = QoS((flags & will_qos_bits) >> 3);
  will.retain = (flags & will_retain_flag) != 0 ? Retain::yes : Retain::no;
  if (context.has_properties()) decode_properties(reader, will_properties, context.limits, will.properties);
  will.topic = reader.string("Will Topic");  // [MQTT-3.1.3-11]
  reader.expect(reader.failed() || is_valid_topic_name(will.topic), ReasonCode::topic_name_invalid, "Will Topic",
                "is not a topic name");
  will.payload = reader.binary("Will Payload");
  return will;
}

// 3.1: "the Remaining Length field takes precedence over the User Name flag" (and over the Password flag): a field that
// was announced and does not come is no field.
bool is_there(const Reader& reader, ProtocolVersion version) noexcept {
  return version != ProtocolVersion::v3_1 || !reader.at_end();
}

}  // namespace

void decode_body(Reader& reader, const DecodeContext& context_so_far, Connect& packet) {
  const std::string_view protocol_name = reader.string("Protocol Name");
  const std::uint8_t level = reader.byte("Protocol Level");
  if (reader.failed()) return;
  reader.note_protocol_level(level);
  if (!is_spoken(protocol_name, level)) {  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]
    reader.fail(ReasonCode::unsupported_protocol_version, "Protocol Name and Level", "are of no version spoken here");
    return;
  }
  packet.version = ProtocolVersion(level);
  const DecodeContext context{packet.version, context_so_far.flags, context_so_far.limits};

  const std::uint8_t flags = reader.byte("Connect Flags");
  check_connect_flags(reader, packet.version, flags);
  packet.clean_start = (flags & clean_start_flag) != 0 ? CleanStart::yes : CleanStart::no;
  packet.keep_alive = reader.two_byte_integer("Keep Alive");
  if (context.has_properties()) {
    decode_properties(reader, PacketType::connect, context.limits, packet.properties);
  }

  // [MQTT-3.1.3-1]: in this order
  packet.client_id = reader.string("Client Identifier");                            // [MQTT-3.1.3-3], [MQTT-3.1.3-4]
  if ((flags & will_flag) != 0) packet.will = decode_will(reader, context, flags);  // [MQTT-3.1.2-9]
  if ((flags & user_name_flag) != 0 && is_there(reader, packet.version)) {          // [MQTT-3.1.2-16], [MQTT-3.1.2-17]
    packet.user_name = reader.string("User Name", context.limits.max_string);       // [MQTT-3.1.3-12]
  }
  if ((flags & password_flag) != 0 && is_there(reader, packet.version)) {  // [MQTT-3.1.2-18], [MQTT-3.1.2-19]
    packet.password = reader.binary("Password", context.limits.max_string);
  }
}

void decode_body(Reader& reader, const DecodeContext& context, Connack& packet) {
  const std::uint8_t flags = reader.byte("Connect Acknowledge Flags");
  if (context.version != ProtocolVersion::v3_1) {  // a reserved byte there
    reader.expect((flags & 0xFE) == 0, ReasonCode::malformed_packet, "Connect Acknowledge Flags",
                  "have a reserved bit set [MQTT-3.2.2-1]");
    packet.session_present = (flags & 0x01) != 0 ? SessionPresent::yes : SessionPresent::no;
  }
  if (context.version == ProtocolVersion::v5) {
    packet.reason = decode_reason(reader, PacketType::connack);  // [MQTT-3.2.2-8]
    decode_properties(reader, PacketType::connack, context.limits, packet.properties);
  } else {
    const std::optional<ReasonCode> reason = reason_of_connack_return_code(reader.byte("Return Code"));
    reader.expect(reason.has_value(), ReasonCode::malformed_packet, "Return Code", "is not one of 0 to 5");
    packet.reason = reason.value_or(ReasonCode::unspecified_error);
  }
  reader.expect(packet.session_present == SessionPresent::no || packet.reason == ReasonCode::success,
                ReasonCode::protocol_error, "Session Present", "is set beside an error [MQTT-3.2.2-6]");
}

}  // namespace bitacora::mqtt
