#include "encode_packets.h"
#include "property_table.h"

namespace bitacora::mqtt {
namespace {

// A value as its C++ type says; see property_table.h.
void put(Writer& writer, std::uint8_t value) { writer.byte(value); }
void put(Writer& writer, std::uint16_t value) { writer.two_byte_integer(value); }
void put(Writer& writer, std::uint32_t value) { writer.four_byte_integer(value); }
void put(Writer& writer, std::string_view value) { writer.string(value); }
void put(Writer& writer, ByteView value) { writer.binary(value); }

template <class T>
void put_all(Writer& writer, std::uint8_t id, const std::optional<T>& value) {
  if (!value) return;
  writer.byte(id);
  put(writer, *value);
}

void put_all(Writer& writer, std::uint8_t id, const std::vector<std::uint32_t>& values) {
  for (const std::uint32_t value : values) {
    writer.byte(id);
    writer.variable_byte_integer(value);
  }
}

void put_all(Writer& writer, std::uint8_t id, const std::vector<UserProperty>& values) {
  for (const UserProperty& property : values) {
    writer.byte(id);
    writer.string(property.name);
    writer.string(property.value);
  }
}

void put_list(Writer& writer, PacketType owner, const Properties& properties) {
  for_each_property([&](const auto& row) {
    if (row.allowed_in.contains(owner)) put_all(writer, row.id, properties.*row.place);
  });
}

}  // namespace

std::size_t property_list_size(PacketType owner, const Properties& properties) {
  Writer counter;
  put_list(counter, owner, properties);
  return counter.size();
}

void encode_properties(Writer& writer, PacketType owner, const Properties& properties) {
  const std::size_t size = property_list_size(owner, properties);
  writer.variable_byte_integer(size);  // [MQTT-2.2.2-1]: also when it is 0
  if (size != 0) put_list(writer, owner, properties);
}

}  // namespace bitacora::mqtt
