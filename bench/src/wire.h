// The few MQTT packets that a load generator needs, 3.1.1 and 5.0, written apart from the server's codec on purpose:
// what both ends of a measurement share, it cannot find wrong. Lean as well: it must not take the processor from the
// server.
//
// Reading is lenient where a load generator need not care (unknown properties are stepped over), but a packet that is
// cut short or runs over its end throws ProtocolError.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bitacora::bench {

enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

enum class Type : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect
};

struct ProtocolError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One packet as it stands in the input; `body` is what follows the fixed header and lives as long as the input.
struct Packet {
  Type type{};
  std::uint8_t flags = 0;
  std::string_view body;
};

// Takes the packet at the front of `from`; nullopt if it is not all there yet.
[[nodiscard]] std::optional<Packet> take_packet(std::string_view& from);

struct Connack {
  bool session_present = false;
  std::uint8_t reason = 0;
  std::uint16_t receive_maximum = 65535;  // 5.0: how many QoS 1 and 2 publishes the server takes at a time
};
[[nodiscard]] Connack read_connack(const Packet& packet, Version version);

struct Publish {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  std::uint16_t id = 0;
};
[[nodiscard]] Publish read_publish(const Packet& packet, Version version);

// PUBACK, PUBREC, PUBREL, PUBCOMP, and SUBACK with one filter.
struct Ack {
  std::uint16_t id = 0;
  std::uint8_t reason = 0;  // >= 0x80: refused
};
[[nodiscard]] Ack read_ack(const Packet& packet, Version version);

struct Connect {
  Version version = Version::v3_1_1;
  std::string_view client_id;
  bool clean_start = true;
  std::uint32_t session_expiry_s = 0;  // 5.0
  std::uint16_t keep_alive_s = 0;
  std::uint16_t receive_maximum = 0;  // 5.0; 0: not sent
};
void put_connect(std::string& to, const Connect& connect);
void put_connack(std::string& to, Version version);
void put_publish(std::string& to, Version version, const Publish& publish);
void put_ack(std::string& to, Type type, std::uint16_t id);
void put_subscribe(std::string& to, Version version, std::uint16_t id, std::string_view filter, std::uint8_t qos);
void put_suback(std::string& to, Version version, std::uint16_t id, std::uint8_t reason);
void put_pingreq(std::string& to);
void put_pingresp(std::string& to);
void put_disconnect(std::string& to);

// The version that a CONNECT names.
[[nodiscard]] Version version_of_connect(const Packet& packet);

}  // namespace bitacora::bench
