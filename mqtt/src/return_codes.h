// The return codes of 3.1 and 3.1.1, and the reason codes of 5.0 that stand for them here.
#pragma once

#include <cstdint>
#include <optional>

#include "mqtt/reason_code.h"

namespace bitacora::mqtt {

// CONNACK: 0 .. 5. An error without a return code of its own becomes 3, server unavailable.
[[nodiscard]] std::uint8_t connack_return_code(ReasonCode reason) noexcept;
[[nodiscard]] std::optional<ReasonCode> reason_of_connack_return_code(std::uint8_t code) noexcept;

// SUBACK: 0, 1, 2, or 0x80 for every error [MQTT311-3.9.3-2].
[[nodiscard]] std::uint8_t suback_return_code(ReasonCode reason) noexcept;
[[nodiscard]] std::optional<ReasonCode> reason_of_suback_return_code(std::uint8_t code) noexcept;

}  // namespace bitacora::mqtt
