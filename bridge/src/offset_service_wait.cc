#include <algorithm>
#include <utility>

#include "bridge/offset_service.h"

namespace bitacora::bridge {

WaiterId OffsetService::wait(std::span<const PartitionPosition> positions) {
  const WaiterId id(next_waiter_++);
  std::vector<Wait>& waits = waiters_[id];
  waits.reserve(positions.size());
  for (const PartitionPosition& position : positions) {
    const storage::PartitionIndex index = position.partition->index();
    waits.push_back({index, position.offset});
    if (waiting_.size() <= index.value()) waiting_.resize(index.value() + 1);
    waiting_[index.value()].push_back(id);
  }
  return id;
}

void OffsetService::cancel(WaiterId id) {
  const auto waiter = waiters_.extract(id);
  if (waiter.empty()) return;
  for (const Wait& wait : waiter.mapped()) std::erase(waiting_[wait.partition.value()], id);
}

std::vector<WaiterId> OffsetService::take_woken() { return std::exchange(woken_, {}); }

void OffsetService::wake_behind(const storage::CommittedBatch& batch) {
  const storage::PartitionIndex index = batch.partition->index();
  if (index.value() >= waiting_.size()) return;
  // A copy: cancel() takes those that wake out of the list, and out of those of their other partitions.
  const std::vector<WaiterId> candidates = waiting_[index.value()];
  for (const WaiterId id : candidates) {
    const std::vector<Wait>& waits = waiters_.at(id);
    const bool wanted = std::any_of(waits.begin(), waits.end(), [&](const Wait& wait) {
      return wait.partition == index && wait.offset < batch.next_offset;
    });
    if (!wanted) continue;
    cancel(id);
    woken_.push_back(id);
  }
}

void OffsetService::wake_all() {
  for (const auto& [id, waits] : waiters_) woken_.push_back(id);
  waiters_.clear();
  waiting_.clear();
}

}  // namespace bitacora::bridge
