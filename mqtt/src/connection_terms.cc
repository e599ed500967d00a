#include "connection_terms.h"

#include <type_traits>

#include "mqtt/codec.h"

namespace bitacora::mqtt {
namespace {

// The properties of a packet that may tell the client more than it needs: those of CONNECT and PUBLISH are the message
// itself.
template <class AnyPacket>
auto* explaining_properties(AnyPacket& packet) {
  using PropertiesPointer = std::conditional_t<std::is_const_v<AnyPacket>, const Properties*, Properties*>;
  return std::visit(
      [](auto& alternative) -> PropertiesPointer {
        using T = std::remove_cvref_t<decltype(alternative)>;
        if constexpr (std::is_same_v<T, Connect> || std::is_same_v<T, Publish> ||
                      !requires { alternative.properties; }) {
          return nullptr;
        } else {
          return &alternative.properties;
        }
      },
      packet);
}

bool explains(const Properties* properties) {
  return properties != nullptr && (properties->reason_string || !properties->user_properties.empty());
}

bool fits(const Packet& packet, const ClientTerms& client) {
  return client.maximum_packet_size == 0xFFFFFFFF || encoded_size(packet, client.version) <= client.maximum_packet_size;
}

}  // namespace

ClientTerms terms_of(const Connect& connect) {
  const Properties& properties = connect.properties;
  ClientTerms terms;
  terms.version = connect.version;
  terms.keep_alive_s = connect.keep_alive;
  terms.receive_maximum = properties.receive_maximum.value_or(65535);  // [MQTT-4.9.0-1]: 0 is refused by the codec
  terms.topic_alias_maximum = properties.topic_alias_maximum.value_or(0);
  terms.maximum_packet_size = properties.maximum_packet_size.value_or(0xFFFFFFFF);
  terms.wants_problem_information = properties.request_problem_information.value_or(1) != 0;
  terms.session_ends_with_connection = properties.session_expiry_interval.value_or(0) == 0;
  terms.authentication_method = properties.authentication_method.value_or("");
  return terms;
}

const Packet* fit(const Packet& packet, const ClientTerms& client, std::optional<Packet>& trimmed) {
  if (client.version != ProtocolVersion::v5) return &packet;
  const bool has_explanation = explains(explaining_properties(packet));
  // [MQTT-3.1.2-29] leaves DISCONNECT free; a client that does not want explanations gets none there either.
  const bool wanted = client.wants_problem_information || std::holds_alternative<Connack>(packet);
  if ((!has_explanation || wanted) && fits(packet, client)) return &packet;  // [MQTT-3.1.2-24]
  if (!has_explanation) return nullptr;

  // Explanations give way: [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
  // [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1]
  // [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3]
  trimmed = packet;
  Properties& properties = *explaining_properties(*trimmed);
  properties.user_properties.clear();
  if (wanted && fits(*trimmed, client)) return &*trimmed;
  properties.reason_string.reset();
  return fits(*trimmed, client) ? &*trimmed : nullptr;
}

}  // namespace bitacora::mqtt
