// Big-endian integers at a place in memory. The caller has checked that sizeof(T) bytes are there.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"

namespace bitacora {

template <std::integral T>
[[nodiscard]] T load_be(const std::byte* from) noexcept {
  using U = std::make_unsigned_t<T>;
  U value{};
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(U) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(U) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(U) == 8) value = __builtin_bswap64(value);
  }
  return static_cast<T>(value);
}

template <std::integral T>
void store_be(std::byte* to, T value) noexcept {
  auto raw = static_cast<std::make_unsigned_t<T>>(value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(raw) == 2) raw = __builtin_bswap16(raw);
    if constexpr (sizeof(raw) == 4) raw = __builtin_bswap32(raw);
    if constexpr (sizeof(raw) == 8) raw = __builtin_bswap64(raw);
  }
  std::memcpy(to, &raw, sizeof raw);
}

template <std::integral T>
void append_be(Bytes& to, T value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof(T));
  store_be(to.data() + at, value);
}

}  // namespace bitacora
