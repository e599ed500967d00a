// Packets of every type and version, each as commented bytes and as the value they stand for: what codec, state machine
// and conformance tests all run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "mqtt/codec.h"

namespace bitacora::mqtt {

// Bytes as a table writes them: hexadecimal pairs, and text between single quotes. wire("00 03 'a/b'") is 5 bytes.
// Aborts on anything else.
[[nodiscard]] Bytes wire(std::string_view notation);

struct TabledPacket {
  std::string name;
  ProtocolVersion version;
  Bytes bytes;
  Packet packet;  // views of static text
};

// encode(packet) == bytes and decode(bytes) == packet.
[[nodiscard]] const std::vector<TabledPacket>& packet_table();

// Other ways to write a packet: decode(bytes) == packet, but encode writes a shorter form.
[[nodiscard]] const std::vector<TabledPacket>& alternative_spelling_table();

struct MalformedPacket {
  std::string name;
  ProtocolVersion version;  // as of which it is decoded; a CONNECT names its own
  Bytes bytes;              // one packet as long as its Remaining Length says
  ReasonCode reason;
};

[[nodiscard]] const std::vector<MalformedPacket>& malformed_packet_table();

}  // namespace bitacora::mqtt
