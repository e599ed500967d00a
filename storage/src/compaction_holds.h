// All holds on compaction that a store has given out.
#pragma once

#include <mutex>
#include <vector>

#include "storage/compaction_hold.h"

namespace bitacora::storage {

class CompactionHolds {
 public:
  // Nothing of this partition at or above it may go; the largest offset where nobody holds it.
  [[nodiscard]] Offset first_uncleanable(PartitionIndex partition) const;

 private:
  friend class CompactionHold;
  mutable std::mutex mutex_;
  std::vector<const CompactionHold*> holds_;
};

}  // namespace bitacora::storage
