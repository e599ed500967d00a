#include "bridge/partition_assignment.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace bitacora::bridge {

std::vector<std::size_t> assign_partitions(std::span<const std::optional<std::size_t>> owners,
                                           std::size_t member_count) {
  BITACORA_ASSERT(member_count > 0);
  std::vector<std::size_t> owned(member_count, 0);
  for (const auto& owner : owners) {
    if (owner) ++owned.at(*owner);
  }
  // Who has most is first to get the larger share: so the fewest partitions move.
  std::vector<std::size_t> ranking(member_count);
  std::iota(ranking.begin(), ranking.end(), 0);
  std::ranges::stable_sort(ranking, [&](std::size_t a, std::size_t b) { return owned[a] > owned[b]; });
  std::vector<std::size_t> room(member_count, owners.size() / member_count);
  for (std::size_t rank = 0; rank < owners.size() % member_count; ++rank) ++room[ranking[rank]];

  constexpr auto nobody = static_cast<std::size_t>(-1);
  std::vector<std::size_t> assigned(owners.size(), nobody);
  for (std::size_t partition = 0; partition < owners.size(); ++partition) {
    if (!owners[partition] || room[*owners[partition]] == 0) continue;
    assigned[partition] = *owners[partition];
    --room[*owners[partition]];
  }
  std::size_t member = 0;
  for (std::size_t& owner : assigned) {
    if (owner != nobody) continue;
    while (room[member] == 0) ++member;
    owner = member;
    --room[member];
  }
  return assigned;
}

}  // namespace bitacora::bridge
