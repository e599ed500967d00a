// One table from storage errors to what an MQTT client is told, in PUBACK, PUBREC, SUBACK and CONNACK. Tested over
// every value.
#pragma once

#include "mqtt/reason_code.h"
#include "storage/errc.h"

namespace bitacora::bridge {

[[nodiscard]] constexpr mqtt::ReasonCode publish_reason(storage::Errc code) noexcept {
  using enum storage::Errc;
  switch (code) {
    case no_space:
    case overloaded:
    case too_large: return mqtt::ReasonCode::quota_exceeded;
    case io_error:
    case corrupt:
    case partition_offline:
    case locked:
    case unsupported_format:
    case closed: return mqtt::ReasonCode::implementation_specific_error;
    case offset_out_of_range:
    case not_found:
    case already_exists:
    case invalid_argument: return mqtt::ReasonCode::unspecified_error;
  }
  return mqtt::ReasonCode::unspecified_error;
}

[[nodiscard]] constexpr mqtt::ReasonCode connect_reason(storage::Errc code) noexcept {
  return code == storage::Errc::no_space || code == storage::Errc::overloaded ? mqtt::ReasonCode::quota_exceeded
                                                                              : mqtt::ReasonCode::server_unavailable;
}

}  // namespace bitacora::bridge
