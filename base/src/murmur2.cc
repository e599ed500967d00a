#include "base/murmur2.h"

#include "base/assert.h"

namespace bitacora {

std::uint32_t murmur2(ByteView bytes) noexcept {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t m = 0x5bd1e995;
  constexpr unsigned r = 24;
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };

  std::uint32_t h = seed ^ static_cast<std::uint32_t>(bytes.size());
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    k *= m;
    k ^= k >> r;
    k *= m;
    h *= m;
    h ^= k;
  }
  const std::size_t tail = bytes.size() - i;
  if (tail == 3) h ^= at(i + 2) << 16;
  if (tail >= 2) h ^= at(i + 1) << 8;
  if (tail >= 1) {
    h ^= at(i);
    h *= m;
  }
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return h;
}

std::int32_t partition_of_key(ByteView key, std::int32_t partition_count) noexcept {
  BITACORA_ASSERT(partition_count >= 1);
  return static_cast<std::int32_t>(murmur2(key) & 0x7fffffffU) % partition_count;
}

}  // namespace bitacora
