// Zig-zag LEB128 integers, as Kafka's record format uses them (varint: up to 5 bytes, varlong: up to 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace bitacora {

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t raw) noexcept {
  return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
}

[[nodiscard]] constexpr std::size_t varint_size(std::int64_t value) noexcept {
  std::size_t size = 1;
  for (std::uint64_t raw = zigzag(value); raw >= 0x80; raw >>= 7) ++size;
  return size;
}

inline void append_varint(Bytes& to, std::int64_t value) {
  std::uint64_t raw = zigzag(value);
  for (; raw >= 0x80; raw >>= 7) to.push_back(static_cast<std::byte>((raw & 0x7f) | 0x80));
  to.push_back(static_cast<std::byte>(raw));
}

// Takes one varint off the front of `from`. nullopt when it is cut short or longer than 10 bytes; `from` is then as it
// was.
[[nodiscard]] inline std::optional<std::int64_t> take_varint(ByteView& from) noexcept {
  std::uint64_t raw = 0;
  for (std::size_t i = 0; i < from.size() && i < 10; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(from[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    raw |= (byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      from = from.subspan(i + 1);
      return unzigzag(raw);
    }
  }
  return std::nullopt;
}

}  // namespace bitacora
