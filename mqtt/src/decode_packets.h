// One decode_body for each packet: its variable header and payload, straight down as the standard has it. The bodies
// fail through the reader; that nothing is left behind is checked for all of them in decode().
#pragma once

#include "mqtt/codec.h"
#include "reader.h"

namespace bitacora::mqtt {

struct DecodeContext {
  ProtocolVersion version;
  std::uint8_t flags;  // of the fixed header; decode_frame has refused what no packet of the type may have
  const CodecLimits& limits;

  [[nodiscard]] bool has_properties() const noexcept { return version == ProtocolVersion::v5; }
};

void decode_body(Reader& reader, const DecodeContext& context, Connect& packet);
void decode_body(Reader& reader, const DecodeContext& context, Connack& packet);
void decode_body(Reader& reader, const DecodeContext& context, Publish& packet);
void decode_body(Reader& reader, const DecodeContext& context, Puback& packet);
void decode_body(Reader& reader, const DecodeContext& context, Pubrec& packet);
void decode_body(Reader& reader, const DecodeContext& context, Pubrel& packet);
void decode_body(Reader& reader, const DecodeContext& context, Pubcomp& packet);
void decode_body(Reader& reader, const DecodeContext& context, Subscribe& packet);
void decode_body(Reader& reader, const DecodeContext& context, Suback& packet);
void decode_body(Reader& reader, const DecodeContext& context, Unsubscribe& packet);
void decode_body(Reader& reader, const DecodeContext& context, Unsuback& packet);
void decode_body(Reader& reader, const DecodeContext& context, Pingreq& packet);
void decode_body(Reader& reader, const DecodeContext& context, Pingresp& packet);
void decode_body(Reader& reader, const DecodeContext& context, Disconnect& packet);
void decode_body(Reader& reader, const DecodeContext& context, Auth& packet);

// A property list with its length in front (section 2.2.2). `owner` is the packet's type, or will_properties.
void decode_properties(Reader& reader, PacketType owner, const CodecLimits& limits, Properties& properties);

// The Reason Code byte of a 5.0 packet: one that its table has.
[[nodiscard]] ReasonCode decode_reason(Reader& reader, PacketType type);

}  // namespace bitacora::mqtt
