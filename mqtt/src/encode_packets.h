// One encode_body for each packet: its variable header and payload, straight down as the standard has it.
#pragma once

#include "mqtt/packet.h"
#include "writer.h"

namespace bitacora::mqtt {

void encode_body(Writer& writer, const Connect& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Connack& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Publish& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Puback& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Pubrec& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Pubrel& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Pubcomp& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Subscribe& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Suback& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Unsubscribe& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Unsuback& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Pingreq& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Pingresp& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Disconnect& packet, ProtocolVersion version);
void encode_body(Writer& writer, const Auth& packet, ProtocolVersion version);

// A property list with its length in front; of `properties`, those that `owner` may carry. `owner` is the packet's
// type, or will_properties.
void encode_properties(Writer& writer, PacketType owner, const Properties& properties);

// The bytes that encode_properties writes behind the length.
[[nodiscard]] std::size_t property_list_size(PacketType owner, const Properties& properties);

}  // namespace bitacora::mqtt
