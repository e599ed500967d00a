// Bytes <-> packets, for every version, both directions. Strict: what the standard calls malformed is an error here,
// with the reason code that MQTT 5.0 gives it; each deciding line carries the statement's number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "mqtt/packet.h"

namespace bitacora::mqtt {

struct DecodeError {
  ReasonCode reason = ReasonCode::malformed_packet;
  std::string message;  // what and where, for the log and for Reason String
  // Of a CONNECT, once its Protocol Level byte was read, whatever its value: tells in which version's form the client
  // may be answered. With unsupported_protocol_version it is the level that we do not speak.
  std::optional<std::uint8_t> protocol_level;
};

template <class T>
using Result = bitacora::Result<T, DecodeError>;

// The fixed header at the front of a stream.
struct Frame {
  std::uint8_t first_byte = 0;         // type and flags
  std::size_t header_size = 0;         // 2 .. 5 bytes
  std::uint32_t remaining_length = 0;  // bytes behind the header
  [[nodiscard]] PacketType type() const noexcept { return static_cast<PacketType>(first_byte >> 4); }
  [[nodiscard]] std::uint8_t flags() const noexcept { return first_byte & 0x0F; }
  [[nodiscard]] std::size_t size() const noexcept { return header_size + remaining_length; }
};

// nullopt: more bytes are needed to know. Errors: a length of more than four bytes or not in its shortest form
// [MQTT-1.5.5-1], a packet type of 0, flags that no version has [MQTT-2.1.3-1]. Says nothing about limits: that is the
// caller's to check before it waits for the rest.
[[nodiscard]] Result<std::optional<Frame>> decode_frame(ByteView bytes);

// Bounds of what one packet may carry. Over any of them: 0x97 quota exceeded.
struct CodecLimits {
  std::size_t max_string = 65535;              // bytes of any string or binary field but topics, client id and payloads
  std::size_t max_user_properties = 32;        // pairs in one property list
  std::size_t max_user_property_bytes = 8192;  // names and values of one property list together
  std::size_t max_filters = 100;               // entries of one SUBSCRIBE or UNSUBSCRIBE
};

// `bytes` is exactly one packet, fixed header included. CONNECT is decoded by the version it names itself (`version` is
// not looked at); every other packet as of `version`. All of the packet must be used up. The views in the result point
// into `bytes`. Topic names and filters are checked against the grammar of topic.h too (0x90, 0x8F); "$share/" and its
// like are ordinary filters here. What depends on who sends the packet, or on packets before it, is not decode's to
// refuse.
[[nodiscard]] Result<Packet> decode(ByteView bytes, ProtocolVersion version, const CodecLimits& limits = {});

// Appends the packet's bytes to `to`, which no view of the packet may point into. CONNECT is encoded as of the version
// it names, every other packet as of `version`. Properties that the packet or the version does not have are left out
// (so the properties of a Will may be those of its PUBLISH). A reason code that the packet does not have becomes the
// nearest that it has: see nearest_reason; for 3.x, those of CONNACK and SUBACK become return codes and the others are
// left out. The packet must be encodable (strings <= 65535 bytes, remaining length <= 268435455, a packet id where one
// belongs, AUTH only for 5.0 and with a reason of its own): asserted, since only we make packets to encode.
void encode(Bytes& to, const Packet& packet, ProtocolVersion version);

// The size encode would append.
[[nodiscard]] std::size_t encoded_size(const Packet& packet, ProtocolVersion version);

// Well-formed UTF-8 with no surrogates and no U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2].
[[nodiscard]] bool is_valid_utf8_string(std::string_view text) noexcept;

}  // namespace bitacora::mqtt
