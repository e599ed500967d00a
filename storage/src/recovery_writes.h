// What a start changes in a partition's directory. Recovery decides it and carries it out at its end. Where there is no
// room on the disk for it the partition is read all the same, its files as the last life left them, and what is left is
// carried out before the first append. Only what is to be written again is written before anybody reads it, or the
// start fails: in place it asks for no room, and what was read, or taken for received, must not be gone after a power
// cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "leader_epochs.h"
#include "storage/catalog.h"
#include "storage/errc.h"
#include "storage/file_system.h"
#include "storage/offset.h"

namespace bitacora::storage {

// In the order in which they are done.
struct RecoveryWrites {
  struct Range {
    std::uint64_t position = 0;  // in the active segment
    std::uint64_t end = 0;
  };
  std::optional<Range> rewrite;     // is written again and synced: the page cache may show what the disk never got
  std::optional<Range> torn_tail;   // is copied aside as *.log.torn-<n>; then the segment ends at `position`
  bool leader_epochs = false;       // leader-epoch-checkpoint
  std::optional<Offset> log_start;  // in the catalog

  [[nodiscard]] bool empty() const noexcept { return !torn_tail && !rewrite && !leader_epochs && !log_start; }
};

// Where they go.
struct RecoveryTarget {
  FileSystem& fs;
  Catalog& catalog;
  const std::string& log;
  std::int32_t partition = 0;
  const std::string& directory;
  const std::string& active_stem;
  File* active = nullptr;  // may be null if neither torn_tail nor rewrite is wanted
  const LeaderEpochs& epochs;
};

// What has been done is taken out of `writes`, so that a failed call may be made again. Returns the path of the torn
// tail's copy, if one was made.
[[nodiscard]] Result<std::string> carry_out(RecoveryWrites& writes, const RecoveryTarget& target);

}  // namespace bitacora::storage
