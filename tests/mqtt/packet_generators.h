// RapidCheck generators of packets that encode takes and decode gives back as they were.
#pragma once

#include <rapidcheck.h>

#include <deque>
#include <iosfwd>
#include <memory>
#include <string>

#include "mqtt/packet.h"

namespace bitacora::mqtt {

// A packet and the texts that its views see.
struct GeneratedPacket {
  ProtocolVersion version = ProtocolVersion::v5;
  Packet packet;
  std::shared_ptr<const std::deque<std::string>> texts;
};

std::ostream& operator<<(std::ostream& to, const GeneratedPacket& generated);

[[nodiscard]] rc::Gen<ProtocolVersion> any_version();

// A packet as `version` can say it; AUTH only with 5.0. 5.0 packets carry any set of the properties they may.
[[nodiscard]] rc::Gen<GeneratedPacket> any_packet_of(PacketType type, ProtocolVersion version);

[[nodiscard]] rc::Gen<std::string> any_topic_name();
[[nodiscard]] rc::Gen<std::string> any_topic_filter();
[[nodiscard]] rc::Gen<std::string> any_utf8_string();

}  // namespace bitacora::mqtt
