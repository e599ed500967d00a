// What a CONNECT says about the connection itself, and what may therefore be sent to that client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mqtt/packet.h"

namespace bitacora::mqtt {

struct ClientTerms {
  ProtocolVersion version = ProtocolVersion::v3_1_1;
  std::uint16_t keep_alive_s = 0;  // 0: none. The server's own, where it overrides the client's
  std::uint16_t receive_maximum = 65535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t maximum_packet_size = 0xFFFFFFFF;
  bool wants_problem_information = true;     // [MQTT-3.1.2-29]
  bool session_ends_with_connection = true;  // a Session Expiry Interval of 0 or none
  std::string authentication_method;         // empty: none
};

[[nodiscard]] ClientTerms terms_of(const Connect& connect);

// `packet` as it may be sent: itself, or `trimmed`, set to a copy without user properties, or without a reason string
// either, where the client does not want them or it would be larger than its Maximum Packet Size; nullptr if it is too
// large even so.
[[nodiscard]] const Packet* fit(const Packet& packet, const ClientTerms& client, std::optional<Packet>& trimmed);

}  // namespace bitacora::mqtt
