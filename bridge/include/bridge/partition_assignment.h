// Which member of a group owns which partition: as evenly as the numbers allow, and with as few moves from what was as
// that allows (Kafka's sticky assignor).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace bitacora::bridge {

// `owners[p]` is the member that has partition p now, nullopt if nobody has it or its owner is gone. `member_count` >=
// 1; members are numbers below it. Returns the owner each partition is to have. No two members differ by more than one
// partition.
[[nodiscard]] std::vector<std::size_t> assign_partitions(std::span<const std::optional<std::size_t>> owners,
                                                         std::size_t member_count);

}  // namespace bitacora::bridge
