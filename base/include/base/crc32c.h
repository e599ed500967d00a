// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final XOR 0xFFFFFFFF): the checksum of Kafka's
// RecordBatch v2. Computed by ISA-L with the processor's own instruction where it has one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace bitacora {

// crc32c("123456789") == 0xE3069283. An empty view gives 0.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes) noexcept;

// The checksum of `a` followed by `b`, where `crc_of_a` == crc32c(a): crc32c_extend(crc32c(a), b) == crc32c(a + b).
[[nodiscard]] std::uint32_t crc32c_extend(std::uint32_t crc_of_a, ByteView b) noexcept;

}  // namespace bitacora
