// The Will of a client as the server keeps it (MQTT 5.0 section 3.1.2.5): an owned copy of what CONNECT said, in memory
// with its session, and in the session journal so that it outlives the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "mqtt/packet.h"

namespace bitacora::bridge {

struct StoredWill {
  std::string topic;
  Bytes payload;
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  mqtt::Retain retain = mqtt::Retain::no;
  std::uint32_t delay_s = 0;
  // Of the Will's properties those that its PUBLISH forwards.
  std::optional<std::uint8_t> payload_format;
  std::optional<std::uint32_t> expiry_s;
  std::optional<std::string> content_type;
  std::optional<std::string> response_topic;
  std::optional<Bytes> correlation_data;
  std::vector<std::pair<std::string, std::string>> user_properties;  // in order [MQTT-3.1.3-10]
  std::uint32_t number = 0;  // rises with each Will of the session; 0: an earlier version's
  friend bool operator==(const StoredWill&, const StoredWill&) = default;
};

}  // namespace bitacora::bridge
