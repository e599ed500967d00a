// The properties of MQTT 5.0 (section 2.2.2.2) as one struct for every packet. Which of them a packet may carry, and
// which may come more than once, is a table in the codec; a property that is not allowed never gets here.
//
// A struct of views: decoded properties point into the bytes they were decoded from. Every member has an initializer,
// here and in packet.h, so that a value can be written by the few members that matter: {.topic_alias = 10}.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace bitacora::mqtt {

struct UserProperty {
  std::string_view name{};
  std::string_view value{};
  friend bool operator==(const UserProperty&, const UserProperty&) = default;
};

struct Properties {
  std::optional<std::uint8_t> payload_format_indicator{};
  std::optional<std::uint32_t> message_expiry_interval{};  // s
  std::optional<std::string_view> content_type{};
  std::optional<std::string_view> response_topic{};
  std::optional<ByteView> correlation_data{};
  std::vector<std::uint32_t> subscription_identifiers{};   // 1 .. 268435455
  std::optional<std::uint32_t> session_expiry_interval{};  // s; 0xFFFFFFFF: never
  std::optional<std::string_view> assigned_client_identifier{};
  std::optional<std::uint16_t> server_keep_alive{};  // s
  std::optional<std::string_view> authentication_method{};
  std::optional<ByteView> authentication_data{};
  std::optional<std::uint8_t> request_problem_information{};
  std::optional<std::uint32_t> will_delay_interval{};  // s
  std::optional<std::uint8_t> request_response_information{};
  std::optional<std::string_view> response_information{};
  std::optional<std::string_view> server_reference{};
  std::optional<std::string_view> reason_string{};
  std::optional<std::uint16_t> receive_maximum{};
  std::optional<std::uint16_t> topic_alias_maximum{};
  std::optional<std::uint16_t> topic_alias{};
  std::optional<std::uint8_t> maximum_qos{};
  std::optional<std::uint8_t> retain_available{};
  std::vector<UserProperty> user_properties{};  // in order
  std::optional<std::uint32_t> maximum_packet_size{};
  std::optional<std::uint8_t> wildcard_subscription_available{};
  std::optional<std::uint8_t> subscription_identifier_available{};
  std::optional<std::uint8_t> shared_subscription_available{};
};

[[nodiscard]] bool operator==(const Properties& a, const Properties& b) noexcept;

}  // namespace bitacora::mqtt
