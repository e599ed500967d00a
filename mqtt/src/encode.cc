#include <variant>

#include "encode_packets.h"
#include "mqtt/codec.h"

namespace bitacora::mqtt {
namespace {

// [MQTT-2.1.3-1]
std::uint8_t flags_of(const Packet& packet) noexcept {
  switch (type_of(packet)) {
    case PacketType::publish: {
      const auto& publish = std::get<Publish>(packet);
      const auto dup = static_cast<unsigned>(publish.dup);
      const auto qos = static_cast<unsigned>(publish.qos);
      const auto retain = static_cast<unsigned>(publish.retain);
      return static_cast<std::uint8_t>(dup << 3 | qos << 1 | retain);
    }
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe: return 0b0010;
    default: return 0;
  }
}

std::uint8_t first_byte_of(const Packet& packet) noexcept {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type_of(packet)) << 4 | flags_of(packet));
}

void encode_any_body(Writer& writer, const Packet& packet, ProtocolVersion version) {
  std::visit([&](const auto& alternative) { encode_body(writer, alternative, version); }, packet);
}

std::size_t body_size(const Packet& packet, ProtocolVersion version) {
  Writer counter;
  encode_any_body(counter, packet, version);
  BITACORA_ASSERT(counter.size() <= max_variable_byte_integer);
  return counter.size();
}

}  // namespace

std::size_t encoded_size(const Packet& packet, ProtocolVersion version) {
  const std::size_t remaining_length = body_size(packet, version);
  return 1 + variable_byte_integer_size(remaining_length) + remaining_length;
}

void encode(Bytes& to, const Packet& packet, ProtocolVersion version) {
  const std::size_t remaining_length = body_size(packet, version);
  const std::size_t size = 1 + variable_byte_integer_size(remaining_length) + remaining_length;
  const std::size_t begin = to.size();
  to.resize(begin + size);

  Writer writer(to.data() + begin);
  writer.byte(first_byte_of(packet));
  writer.variable_byte_integer(remaining_length);
  encode_any_body(writer, packet, version);
  BITACORA_ASSERT(writer.size() == size);
}

}  // namespace bitacora::mqtt
