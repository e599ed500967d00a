// A property list: Property Length, then identifier and value of each property (section 2.2.2).
#include <tuple>

#include "decode_packets.h"
#include "mqtt/topic.h"
#include "property_table.h"

namespace bitacora::mqtt {
namespace {

// Reads one list. Which overload of take() reads a value follows from its place in Properties.
class PropertyListReader {
 public:
  PropertyListReader(Reader& list, PacketType owner, const CodecLimits& limits, Properties& properties) noexcept
      : list_(list), owner_(owner), limits_(limits), properties_(properties) {}

  void read_one() {
    const std::uint32_t id = list_.variable_byte_integer("property identifier");
    const bool known = std::apply([&](const auto&... rows) { return (read_if(id, rows) || ...); }, property_table);
    list_.expect(known, ReasonCode::malformed_packet, "property identifier", "is not one of MQTT 5.0");
  }

 private:
  template <class Member>
  bool read_if(std::uint32_t id, const PropertyRow<Member>& row) {
    if (id != row.id) return false;
    if (!row.allowed_in.contains(owner_)) {
      list_.fail(ReasonCode::malformed_packet, row.name, "does not belong into this packet");  // section 2.2.2.2
    } else if (is_present(properties_.*row.place) && !row.may_repeat_in.contains(owner_)) {
      list_.fail(ReasonCode::protocol_error, row.name, "comes more than once");
    } else {
      take(row, properties_.*row.place);
    }
    return true;
  }

  template <class T>
  static bool is_present(const std::optional<T>& value) noexcept {
    return value.has_value();
  }
  template <class T>
  static bool is_present(const std::vector<T>& values) noexcept {
    return !values.empty();
  }

  template <class Row>
  std::uint32_t in_range(std::uint32_t value, const Row& row) {
    list_.expect(value >= row.range.min && value <= row.range.max, row.range.otherwise, row.name,
                 "has a value that it may not have");
    return value;
  }

  template <class Row>
  void take(const Row& row, std::optional<std::uint8_t>& value) {
    value = static_cast<std::uint8_t>(in_range(list_.byte(row.name), row));
  }
  template <class Row>
  void take(const Row& row, std::optional<std::uint16_t>& value) {
    value = static_cast<std::uint16_t>(in_range(list_.two_byte_integer(row.name), row));
  }
  template <class Row>
  void take(const Row& row, std::optional<std::uint32_t>& value) {
    value = in_range(list_.four_byte_integer(row.name), row);
  }
  template <class Row>
  void take(const Row& row, std::vector<std::uint32_t>& values) {
    values.push_back(in_range(list_.variable_byte_integer(row.name), row));
  }
  template <class Row>
  void take(const Row& row, std::optional<std::string_view>& value) {
    value = list_.string(row.name, limits_.max_string);  // [MQTT-3.3.2-13] [MQTT-3.3.2-19]
  }
  template <class Row>
  void take(const Row& row, std::optional<ByteView>& value) {
    value = list_.binary(row.name, limits_.max_string);
  }
  template <class Row>
  void take(const Row& row, std::vector<UserProperty>& values) {
    UserProperty property;
    property.name = list_.string(row.name, limits_.max_string);  // [MQTT-1.5.7-1]
    property.value = list_.string(row.name, limits_.max_string);
    user_property_bytes_ += property.name.size() + property.value.size();
    list_.expect(values.size() < limits_.max_user_properties, ReasonCode::quota_exceeded, row.name,
                 "comes more often than this server takes");
    list_.expect(user_property_bytes_ <= limits_.max_user_property_bytes, ReasonCode::quota_exceeded, row.name,
                 "takes more bytes than this server takes");
    values.push_back(property);
  }

  Reader& list_;
  PacketType owner_;
  const CodecLimits& limits_;
  Properties& properties_;
  std::size_t user_property_bytes_ = 0;
};

}  // namespace

void decode_properties(Reader& reader, PacketType owner, const CodecLimits& limits, Properties& properties) {
  const std::uint32_t size = reader.variable_byte_integer("Property Length");  // [MQTT-2.2.2-1]: always there
  if (size == 0) return;
  Reader list = reader.split(size, "property list");
  PropertyListReader properties_reader(list, owner, limits, properties);
  while (!list.at_end()) properties_reader.read_one();

  if (properties.response_topic) {
    list.expect(is_valid_topic_name(*properties.response_topic), ReasonCode::protocol_error, "Response Topic",
                "is not a topic name [MQTT-3.3.2-14]");
  }
  list.expect(properties.authentication_method || !properties.authentication_data, ReasonCode::protocol_error,
              "Authentication Data", "comes without an Authentication Method");
  reader.join(std::move(list), "property list");
}

ReasonCode decode_reason(Reader& reader, PacketType type) {
  const ReasonCode reason{reader.byte("Reason Code")};
  reader.expect(may_carry(type, reason), ReasonCode::protocol_error, "Reason Code", "is not one that this packet has");
  return reason;
}

}  // namespace bitacora::mqtt
