#include "compaction_holds.h"

#include <algorithm>
#include <limits>

namespace bitacora::storage {

Offset CompactionHolds::first_uncleanable(PartitionIndex partition) const {
  const std::lock_guard lock(mutex_);
  Offset lowest = std::numeric_limits<Offset>::max();
  for (const CompactionHold* hold : holds_) {
    const bool has_offset = partition.value() < hold->offsets_.size();
    lowest = std::min(lowest, has_offset ? hold->offsets_[partition.value()] : 0);
  }
  return lowest;
}

CompactionHold::CompactionHold(std::shared_ptr<CompactionHolds> holds, std::vector<Offset> offsets)
    : holds_(std::move(holds)), offsets_(std::move(offsets)) {
  const std::lock_guard lock(holds_->mutex_);
  holds_->holds_.push_back(this);
}

CompactionHold::~CompactionHold() {
  const std::lock_guard lock(holds_->mutex_);
  std::erase(holds_->holds_, this);
}

void CompactionHold::move_to(std::vector<Offset> offsets) {
  const std::lock_guard lock(holds_->mutex_);
  offsets_ = std::move(offsets);
}

}  // namespace bitacora::storage
