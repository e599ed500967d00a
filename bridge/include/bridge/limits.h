// The limits that a client can run into, by name: each is counted, so that an operator sees which one it was. What they
// are set to and what happens then: docs/limits.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mqtt/server_connection.h"

namespace bitacora::bridge {

enum class Limit : std::uint8_t {
  // of a connection, in the order of mqtt::ExceededLimit
  packet_size,
  packet_fields,
  early_bytes,
  client_id,
  topic_levels,
  receive_maximum,
  topic_alias,
  // of a session or of the server
  subscriptions,
  awaiting_release,
  unwritten_bytes,
  retained_payload,
  retained_messages,
  retained_bytes,
  will_payload,
  will_delay,
  takeovers,
  connections_per_address,
  connection_rate,
  connections,
  failed_logins,
  retained_of_user,
  will_rate,
};

[[nodiscard]] constexpr Limit limit_of(mqtt::ExceededLimit limit) noexcept { return static_cast<Limit>(limit); }
static_assert(limit_of(mqtt::ExceededLimit::topic_alias) == Limit::topic_alias);

// The value of the label `limit` in /metrics, by Limit.
inline constexpr std::array<std::string_view, 22> limit_names{"packet_size",
                                                              "packet_fields",
                                                              "early_bytes",
                                                              "client_id",
                                                              "topic_levels",
                                                              "receive_maximum",
                                                              "topic_alias",
                                                              "subscriptions",
                                                              "awaiting_release",
                                                              "unwritten_bytes",
                                                              "retained_payload",
                                                              "retained_messages",
                                                              "retained_bytes",
                                                              "will_payload",
                                                              "will_delay",
                                                              "takeovers",
                                                              "connections_per_address",
                                                              "connection_rate",
                                                              "connections",
                                                              "failed_logins",
                                                              "retained_of_user",
                                                              "will_rate"};

}  // namespace bitacora::bridge
