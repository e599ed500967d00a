#include "mqtt/packet.h"

#include <tuple>

#include "property_table.h"

namespace bitacora::mqtt {
namespace {

bool same(const std::optional<ByteView>& a, const std::optional<ByteView>& b) noexcept {
  return a.has_value() == b.has_value() && (!a || equal(*a, *b));
}

template <class T>
bool same(const T& a, const T& b) noexcept {
  return a == b;
}

// The types of Packet's alternatives in the order of PacketType.
static_assert(std::variant_size_v<Packet> == static_cast<std::size_t>(PacketType::auth));

}  // namespace

bool operator==(const Properties& a, const Properties& b) noexcept {
  return std::apply([&](const auto&... rows) { return (same(a.*rows.place, b.*rows.place) && ...); }, property_table);
}

bool operator==(const Will& a, const Will& b) noexcept {
  return a.topic == b.topic && equal(a.payload, b.payload) && a.qos == b.qos && a.retain == b.retain &&
         a.properties == b.properties;
}

bool operator==(const Connect& a, const Connect& b) noexcept {
  return a.version == b.version && a.clean_start == b.clean_start && a.keep_alive == b.keep_alive &&
         a.client_id == b.client_id && a.will == b.will && a.user_name == b.user_name && same(a.password, b.password) &&
         a.properties == b.properties;
}

bool operator==(const Publish& a, const Publish& b) noexcept {
  return a.topic == b.topic && equal(a.payload, b.payload) && a.qos == b.qos && a.retain == b.retain &&
         a.dup == b.dup && a.packet_id == b.packet_id && a.properties == b.properties;
}

PacketType type_of(const Packet& packet) noexcept { return static_cast<PacketType>(packet.index() + 1); }

}  // namespace bitacora::mqtt
