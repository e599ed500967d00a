#include <utility>
#include <variant>

#include "decode_packets.h"
#include "variable_byte_integer.h"

namespace bitacora::mqtt {
namespace {

DecodeError malformed(const char* what) { return {ReasonCode::malformed_packet, what, std::nullopt}; }

// [MQTT-2.1.3-1] The flags of the fixed header of each packet type; PUBLISH uses all four. 3.1 has a DUP flag where
// later versions have a 0: whether it may be set is known only with the version, in has_flags_of.
bool has_flags_of_some_version(PacketType type, std::uint8_t flags) noexcept {
  switch (type) {
    case PacketType::publish: return true;
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe: return (flags & 0b0111) == 0b0010;
    default: return flags == 0;  // [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  }
}

bool has_flags_of(ProtocolVersion version, PacketType type, std::uint8_t flags) noexcept {
  if (type == PacketType::publish || version == ProtocolVersion::v3_1) return true;
  return (flags & 0b1000) == 0;  // [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1]
}

template <class P>
Result<Packet> decode_as(PacketType type, ByteView body, const DecodeContext& context) {
  Result<Packet> result(tl::in_place, std::in_place_type<P>);  // built where it is returned from: a Packet is large
  Reader reader(body, type);
  decode_body(reader, context, std::get<P>(*result));
  reader.expect_end();
  if (reader.failed()) result = Failure<DecodeError>(std::move(reader).take_error());
  return result;
}

}  // namespace

Result<std::optional<Frame>> decode_frame(ByteView bytes) {
  if (bytes.empty()) return std::nullopt;
  Frame frame;
  frame.first_byte = std::to_integer<std::uint8_t>(bytes[0]);
  if (frame.first_byte >> 4 == 0) return Failure<DecodeError>(malformed("packet type 0 is forbidden"));
  if (!has_flags_of_some_version(frame.type(), frame.flags())) {
    return Failure<DecodeError>(malformed("the flags of the fixed header are wrong [MQTT-2.1.3-1]"));
  }

  const VariableByteInteger length = decode_variable_byte_integer(bytes.subspan(1));
  switch (length.status) {
    case VariableByteInteger::Status::whole:
      frame.header_size = 1 + length.size;
      frame.remaining_length = length.value;
      return frame;
    case VariableByteInteger::Status::cut_short: return std::nullopt;
    case VariableByteInteger::Status::too_long:
      return Failure<DecodeError>(malformed("Remaining Length is longer than four bytes"));
    case VariableByteInteger::Status::not_shortest:
      return Failure<DecodeError>(malformed("Remaining Length is not in its shortest form [MQTT-1.5.5-1]"));
  }
  return std::nullopt;
}

Result<Packet> decode(ByteView bytes, ProtocolVersion version, const CodecLimits& limits) {
  const Result<std::optional<Frame>> frame = decode_frame(bytes);
  if (!frame) return Failure<DecodeError>(frame.error());
  if (!*frame || (*frame)->size() != bytes.size()) {
    return Failure<DecodeError>(malformed("the packet is not as long as its Remaining Length says"));
  }
  const PacketType type = (*frame)->type();
  const DecodeContext context{version, (*frame)->flags(), limits};
  if (!has_flags_of(version, type, context.flags)) {
    return Failure<DecodeError>(malformed("the flags of the fixed header are wrong [MQTT-2.1.3-1]"));
  }

  const ByteView body = bytes.subspan((*frame)->header_size);
  switch (type) {
    case PacketType::connect: return decode_as<Connect>(type, body, context);
    case PacketType::connack: return decode_as<Connack>(type, body, context);
    case PacketType::publish: return decode_as<Publish>(type, body, context);
    case PacketType::puback: return decode_as<Puback>(type, body, context);
    case PacketType::pubrec: return decode_as<Pubrec>(type, body, context);
    case PacketType::pubrel: return decode_as<Pubrel>(type, body, context);
    case PacketType::pubcomp: return decode_as<Pubcomp>(type, body, context);
    case PacketType::subscribe: return decode_as<Subscribe>(type, body, context);
    case PacketType::suback: return decode_as<Suback>(type, body, context);
    case PacketType::unsubscribe: return decode_as<Unsubscribe>(type, body, context);
    case PacketType::unsuback: return decode_as<Unsuback>(type, body, context);
    case PacketType::pingreq: return decode_as<Pingreq>(type, body, context);
    case PacketType::pingresp: return decode_as<Pingresp>(type, body, context);
    case PacketType::disconnect: return decode_as<Disconnect>(type, body, context);
    case PacketType::auth: return decode_as<Auth>(type, body, context);
  }
  return Failure<DecodeError>(malformed("packet type 0 is forbidden"));
}

}  // namespace bitacora::mqtt
