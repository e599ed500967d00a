#include "return_codes.h"

namespace bitacora::mqtt {

std::uint8_t connack_return_code(ReasonCode reason) noexcept {
  switch (reason) {
    case ReasonCode::success: return 0;
    case ReasonCode::unsupported_protocol_version: return 1;
    case ReasonCode::client_identifier_not_valid: return 2;
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::bad_authentication_method: return 4;
    case ReasonCode::not_authorized:
    case ReasonCode::banned: return 5;
    default: return 3;
  }
}

std::optional<ReasonCode> reason_of_connack_return_code(std::uint8_t code) noexcept {
  switch (code) {
    case 0: return ReasonCode::success;
    case 1: return ReasonCode::unsupported_protocol_version;
    case 2: return ReasonCode::client_identifier_not_valid;
    case 3: return ReasonCode::server_unavailable;
    case 4: return ReasonCode::bad_user_name_or_password;
    case 5: return ReasonCode::not_authorized;
    default: return std::nullopt;
  }
}

std::uint8_t suback_return_code(ReasonCode reason) noexcept {
  constexpr std::uint8_t failure = 0x80;
  return is_error(reason) ? failure : static_cast<std::uint8_t>(reason);
}

std::optional<ReasonCode> reason_of_suback_return_code(std::uint8_t code) noexcept {
  switch (code) {
    case 0x00: return ReasonCode::success;
    case 0x01: return ReasonCode::granted_qos_1;
    case 0x02: return ReasonCode::granted_qos_2;
    case 0x80: return ReasonCode::unspecified_error;
    default: return std::nullopt;
  }
}

}  // namespace bitacora::mqtt
