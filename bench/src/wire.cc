#include "wire.h"

namespace bitacora::bench {
namespace {

constexpr std::uint32_t property_session_expiry = 0x11;
constexpr std::uint32_t property_receive_maximum = 0x21;

// Reads the parts of a packet one behind the other.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  std::string_view take(std::size_t size) {
    if (rest_.size() < size) throw ProtocolError("a packet from the server is cut short");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
  std::uint16_t u16() {
    const std::string_view bytes = take(2);
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[0]) << 8 | static_cast<std::uint8_t>(bytes[1]));
  }
  std::string_view string() { return take(u16()); }
  std::uint32_t varint() {
    std::uint32_t value = 0;
    for (int shift = 0; shift <= 21; shift += 7) {
      const std::uint8_t digit = byte();
      value |= static_cast<std::uint32_t>(digit & 0x7f) << shift;
      if ((digit & 0x80) == 0) return value;
    }
    throw ProtocolError("a length from the server has more than four bytes");
  }

 private:
  std::string_view rest_;
};

void put_u16(std::string& to, std::uint16_t value) {
  to.push_back(static_cast<char>(value >> 8));
  to.push_back(static_cast<char>(value & 0xff));
}

void put_u32(std::string& to, std::uint32_t value) {
  put_u16(to, static_cast<std::uint16_t>(value >> 16));
  put_u16(to, static_cast<std::uint16_t>(value & 0xffff));
}

void put_string(std::string& to, std::string_view text) {
  put_u16(to, static_cast<std::uint16_t>(text.size()));
  to.append(text);
}

void put_varint(std::string& to, std::size_t value) {
  do {
    const auto digit = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    to.push_back(static_cast<char>(value > 0 ? digit | 0x80 : digit));
  } while (value > 0);
}

void put_packet(std::string& to, Type type, std::uint8_t flags, std::string_view body) {
  to.push_back(static_cast<char>(static_cast<std::uint8_t>(type) << 4 | flags));
  put_varint(to, body.size());
  to.append(body);
}

// Steps over the value of one property, whose identifier has been read.
void skip_property(Reader& reader, std::uint32_t identifier) {
  switch (identifier) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a: reader.take(1); return;
    case 0x13:
    case 0x21:
    case 0x22:
    case 0x23: reader.take(2); return;
    case 0x02:
    case 0x11:
    case 0x18:
    case 0x27: reader.take(4); return;
    case 0x0b: reader.varint(); return;
    case 0x26:
      reader.string();
      reader.string();
      return;
    default: reader.string();
  }
}

}  // namespace

std::optional<Packet> take_packet(std::string_view& from) {
  std::size_t length = 0;
  std::size_t header = 1;
  for (int shift = 0;; shift += 7, ++header) {
    if (shift > 21) throw ProtocolError("a packet length from the server has more than four bytes");
    if (from.size() <= header) return std::nullopt;
    const auto digit = static_cast<std::uint8_t>(from[header]);
    length |= static_cast<std::size_t>(digit & 0x7f) << shift;
    if ((digit & 0x80) == 0) break;
  }
  ++header;
  if (from.size() < header + length) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(from[0]);
  const Packet packet{static_cast<Type>(first >> 4), static_cast<std::uint8_t>(first & 0x0f),
                      from.substr(header, length)};
  from.remove_prefix(header + length);
  return packet;
}

Connack read_connack(const Packet& packet, Version version) {
  Reader reader(packet.body);
  Connack connack;
  connack.session_present = (reader.byte() & 1) != 0;
  connack.reason = reader.byte();
  if (version != Version::v5) return connack;
  Reader properties(reader.take(reader.varint()));
  while (!properties.empty()) {
    const std::uint32_t identifier = properties.varint();
    if (identifier == property_receive_maximum) {
      connack.receive_maximum = properties.u16();
    } else {
      skip_property(properties, identifier);
    }
  }
  return connack;
}

Publish read_publish(const Packet& packet, Version version) {
  Reader reader(packet.body);
  Publish publish;
  publish.qos = (packet.flags >> 1) & 3;
  publish.topic = reader.string();
  if (publish.qos > 0) publish.id = reader.u16();
  if (version == Version::v5) reader.take(reader.varint());
  publish.payload = reader.rest();
  return publish;
}

Ack read_ack(const Packet& packet, Version version) {
  Reader reader(packet.body);
  Ack ack;
  ack.id = reader.u16();
  if (reader.empty()) return ack;
  if (packet.type == Type::suback) {
    if (version == Version::v5) reader.take(reader.varint());
    ack.reason = reader.byte();
  } else {
    ack.reason = reader.byte();
  }
  return ack;
}

void put_connect(std::string& to, const Connect& connect) {
  std::string body;
  put_string(body, "MQTT");
  body.push_back(static_cast<char>(connect.version));
  body.push_back(connect.clean_start ? 2 : 0);
  put_u16(body, connect.keep_alive_s);
  if (connect.version == Version::v5) {
    std::string properties;
    if (connect.session_expiry_s > 0) {
      properties.push_back(static_cast<char>(property_session_expiry));
      put_u32(properties, connect.session_expiry_s);
    }
    if (connect.receive_maximum > 0) {
      properties.push_back(static_cast<char>(property_receive_maximum));
      put_u16(properties, connect.receive_maximum);
    }
    put_varint(body, properties.size());
    body += properties;
  }
  put_string(body, connect.client_id);
  put_packet(to, Type::connect, 0, body);
}

void put_connack(std::string& to, Version version) {
  using namespace std::string_view_literals;
  put_packet(to, Type::connack, 0, version == Version::v5 ? "\0\0\0"sv : "\0\0"sv);
}

void put_publish(std::string& to, Version version, const Publish& publish) {
  const std::size_t size =
      2 + publish.topic.size() + (publish.qos > 0 ? 2 : 0) + (version == Version::v5 ? 1 : 0) + publish.payload.size();
  to.push_back(static_cast<char>(static_cast<std::uint8_t>(Type::publish) << 4 | publish.qos << 1));
  put_varint(to, size);
  put_string(to, publish.topic);
  if (publish.qos > 0) put_u16(to, publish.id);
  if (version == Version::v5) to.push_back(0);
  to.append(publish.payload);
}

void put_ack(std::string& to, Type type, std::uint16_t id) {
  to.push_back(static_cast<char>(static_cast<std::uint8_t>(type) << 4 | (type == Type::pubrel ? 2 : 0)));
  to.push_back(2);
  put_u16(to, id);
}

void put_subscribe(std::string& to, Version version, std::uint16_t id, std::string_view filter, std::uint8_t qos) {
  std::string body;
  put_u16(body, id);
  if (version == Version::v5) body.push_back(0);
  put_string(body, filter);
  body.push_back(static_cast<char>(qos));
  put_packet(to, Type::subscribe, 2, body);
}

void put_suback(std::string& to, Version version, std::uint16_t id, std::uint8_t reason) {
  std::string body;
  put_u16(body, id);
  if (version == Version::v5) body.push_back(0);
  body.push_back(static_cast<char>(reason));
  put_packet(to, Type::suback, 0, body);
}

void put_pingreq(std::string& to) { put_packet(to, Type::pingreq, 0, {}); }
void put_pingresp(std::string& to) { put_packet(to, Type::pingresp, 0, {}); }
void put_disconnect(std::string& to) { put_packet(to, Type::disconnect, 0, {}); }

Version version_of_connect(const Packet& packet) {
  Reader reader(packet.body);
  reader.string();
  return reader.byte() == 5 ? Version::v5 : Version::v3_1_1;
}

}  // namespace bitacora::bench
