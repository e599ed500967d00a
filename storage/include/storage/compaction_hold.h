// Holds compaction back: while one exists, no pass that begins removes a record at or above its offsets. For whoever
// may have to read records again as they were written, superseded ones too. The lowest of all holds is what Kafka's log
// cleaner calls the first uncleanable offset. What lies below is compacted as ever; whole segments are held, so
// somewhat more stays than was asked for.
//
// Retention and delete_records_before do not ask: they are what gives room back on a full disk, on which a holder may
// be unable to go on.
//
// Threads: any, at any time.
#pragma once

#include <memory>
#include <vector>

#include "storage/offset.h"

namespace bitacora::storage {

class CompactionHolds;

class CompactionHold {
 public:
  // Store::hold_compaction() makes them; `holds` is the store's.
  CompactionHold(std::shared_ptr<CompactionHolds> holds, std::vector<Offset> offsets);
  ~CompactionHold();  // lets go
  CompactionHold(const CompactionHold&) = delete;
  CompactionHold& operator=(const CompactionHold&) = delete;

  // By PartitionIndex. A partition without an offset, as one that was created since, is held from its first record on.
  void move_to(std::vector<Offset> offsets);

 private:
  friend class CompactionHolds;
  const std::shared_ptr<CompactionHolds> holds_;
  std::vector<Offset> offsets_;  // the mutex of holds_
};

}  // namespace bitacora::storage
