// Paho C's property list (5.0) as a value. In a header of its own because each of Paho C's two libraries, which no
// program may link together, brings these functions.
#pragma once

#include <MQTTProperties.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "client.h"

namespace bitacora::e2e {

class PropertyList {
 public:
  PropertyList() = default;
  explicit PropertyList(const UserProperties& properties) {
    for (const auto& [name, value] : properties) add_user_property(name, value);
  }
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;
  ~PropertyList() { MQTTProperties_free(&list_); }

  void add_session_expiry(std::uint32_t seconds) {
    MQTTProperty property{};
    property.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL;
    property.value.integer4 = seconds;
    MQTTProperties_add(&list_, &property);
  }

  [[nodiscard]] MQTTProperties* get() { return &list_; }

 private:
  void add_user_property(std::string name, std::string value) {  // MQTTProperties_add copies
    MQTTProperty property{};
    property.identifier = MQTTPROPERTY_CODE_USER_PROPERTY;
    property.value.data = {.len = static_cast<int>(name.size()), .data = name.data()};
    property.value.value = {.len = static_cast<int>(value.size()), .data = value.data()};
    MQTTProperties_add(&list_, &property);
  }

  MQTTProperties list_ = MQTTProperties_initializer;
};

// Names that the server gives to what it adds to a delivery.
inline bool is_added_by_server(std::string_view name) {
  return name == "log" || name == "partition" || name == "offset" || name == "ts" || name == "key";
}

inline UserProperties user_properties_of(const MQTTProperties& list) {
  UserProperties found;
  for (int i = 0; i < list.count; ++i) {
    const MQTTProperty& property = list.array[i];
    if (property.identifier != MQTTPROPERTY_CODE_USER_PROPERTY) continue;
    const MQTTLenString& name = property.value.data;
    const MQTTLenString& value = property.value.value;
    std::string text(name.data, static_cast<std::size_t>(name.len));
    if (!is_added_by_server(text)) {
      found.emplace_back(std::move(text), std::string(value.data, static_cast<std::size_t>(value.len)));
    }
  }
  return found;
}

}  // namespace bitacora::e2e
