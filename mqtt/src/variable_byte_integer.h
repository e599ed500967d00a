// The variable byte integer of section 1.5.5: seven bits a byte, low ones first, at most four bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace bitacora::mqtt {

inline constexpr std::uint32_t max_variable_byte_integer = 268'435'455;

struct VariableByteInteger {
  enum class Status : std::uint8_t {
    whole,
    cut_short,     // more bytes are needed
    too_long,      // the fourth byte says that another one follows
    not_shortest,  // fewer bytes would have done
  };
  Status status = Status::cut_short;
  std::uint32_t value = 0;  // meaningful when whole, as is `size`
  std::size_t size = 0;     // bytes
};

// Looks at the front of `bytes`.
[[nodiscard]] inline VariableByteInteger decode_variable_byte_integer(ByteView bytes) noexcept {
  using Status = VariableByteInteger::Status;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i == bytes.size()) return {Status::cut_short};
    const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
    value |= (byte & 0x7F) << (7 * i);
    if (byte >= 0x80) continue;
    if (i > 0 && byte == 0) return {Status::not_shortest};  // [MQTT-1.5.5-1]
    return {Status::whole, value, i + 1};
  }
  return {Status::too_long};
}

[[nodiscard]] constexpr std::size_t variable_byte_integer_size(std::size_t value) noexcept {
  if (value < 128) return 1;
  if (value < 16'384) return 2;
  return value < 2'097'152 ? 3 : 4;
}

}  // namespace bitacora::mqtt
