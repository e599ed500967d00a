// Opens one partition's directory: the passes of docs/storage-format.md, "Recovery", that concern a partition. A
// directory without segments becomes an empty partition, so that creating one is the same path.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clean_shutdown.h"
#include "compaction_holds.h"
#include "leader_epochs.h"
#include "recovery_writes.h"
#include "segment.h"
#include "space_watch.h"
#include "storage/catalog.h"
#include "storage/file_system.h"
#include "storage/recovery_report.h"
#include "storage/store.h"

namespace bitacora::storage {

// What all partitions of a store share.
struct StoreContext {
  FileSystem& fs;
  const Clock& clock;
  Catalog& catalog;
  SegmentCache& cache;
  SpaceWatch& space;
  const StoreOptions& options;
  const CompactionHolds& compaction_holds;

  [[nodiscard]] bool read_only() const noexcept { return options.policy == OpenPolicy::read_only; }
};

struct RecoveredPartition {
  std::string directory;
  std::vector<SegmentPtr> segments;  // rising; the last is the active one. Empty only when read-only
  LeaderEpochs epochs;
  Offset log_start = 0;
  Offset end = 0;
  std::uint64_t file_size = 0;               // of the active segment's file: zeros follow its batches
  std::optional<Timestamp> max_timestamp;    // of all records so far
  std::optional<Timestamp> first_timestamp;  // of the active segment's first batch
  // The active segment ends in damage, or may not have its name for good, or could not be made (then it has no file):
  // nothing may be appended to it.
  bool must_roll = false;
  RecoveryWrites writes;  // what there was no room for: to be carried out before the first append
  PartitionRecovery report;
};

// `clean`: the partition's line of the clean-shutdown mark, if there was one.
[[nodiscard]] Result<RecoveredPartition> recover_partition(const StoreContext& context, const std::string& log,
                                                           std::int32_t number, const CleanPartition* clean);

}  // namespace bitacora::storage
