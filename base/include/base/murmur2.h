// MurmurHash2 as Apache Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2), and its default
// partitioner: a record with the same key meets the same partition whether it came over MQTT or from a Kafka producer.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace bitacora {

[[nodiscard]] std::uint32_t murmur2(ByteView bytes) noexcept;

// (murmur2(key) & 0x7fffffff) % partition_count. `partition_count` >= 1.
[[nodiscard]] std::int32_t partition_of_key(ByteView key, std::int32_t partition_count) noexcept;

}  // namespace bitacora
