// Bytes <-> packets, for every version, both directions. Strict: what the standard calls malformed is an error here, with
// the reason code that MQTT 5.0 gives it; each deciding line carries the statement's number.
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
};

template <class T>
using Result = bitacora::Result<T, DecodeError>;

// The fixed header at the front of a stream.
struct Frame {
  std::uint8_t first_byte = 0;        // type and flags
  std::size_t header_size = 0;        // 2 .. 5 bytes
  std::uint32_t remaining_length = 0; // bytes behind the header
  [[nodiscard]] std::size_t size() const noexcept { return header_size + remaining_length; }
};

// nullopt: more bytes are needed to know. Errors: a length of more than four bytes or not in its shortest form
// [MQTT-1.5.5-1], a packet type of 0, wrong flags [MQTT-2.1.3-1]. Says nothing about limits: that is the caller's to check
// before it waits for the rest.
[[nodiscard]] Result<std::optional<Frame>> decode_frame(ByteView bytes);

// Bounds of what one packet may carry: reliability.md §3.2.
struct CodecLimits {
  std::size_t max_string = 65535;          // bytes of any string but topics, client id and payloads
  std::size_t max_user_properties = 32;    // over it: 0x97 quota exceeded
  std::size_t max_user_property_bytes = 8192;
  std::size_t max_filters = 100;           // entries of one SUBSCRIBE or UNSUBSCRIBE
};

// `bytes` is exactly one packet, fixed header included. CONNECT is decoded by the version it names itself (`version` is not
// looked at); every other packet as of `version`. All of the packet must be used up. The views in the result point into
// `bytes`. Topic names and filters are checked as UTF-8 strings here; their own grammar is in topic.h and checked there
// by decode too (0x90, 0x8F).
[[nodiscard]] Result<Packet> decode(ByteView bytes, ProtocolVersion version, const CodecLimits& limits = {});

// Appends the packet's bytes to `to`. For 3.x, properties and reasons that the version lacks are left out; reason codes of
// CONNACK and SUBACK become the version's return codes. The packet must be encodable (strings <= 65535 bytes, remaining
// length <= 268435455): asserted, since only we make packets to encode.
void encode(Bytes& to, const Packet& packet, ProtocolVersion version);

// The size encode would append.
[[nodiscard]] std::size_t encoded_size(const Packet& packet, ProtocolVersion version);

// Well-formed UTF-8 with no surrogates and no U+0000 [MQTT-1.5.4-1, -2].
[[nodiscard]] bool is_valid_utf8_string(std::string_view text) noexcept;

}  // namespace bitacora::mqtt
