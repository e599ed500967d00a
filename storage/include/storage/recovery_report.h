// What a start found and did: per partition what was durable, what was cut, what is quarantined. Shown in the log, by
// GET /recovery and by `bitacora verify`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/offset.h"

namespace bitacora::storage {

struct Quarantine {
  OffsetRange offsets;         // what cannot be read
  std::string segment;         // file name
  std::uint64_t position = 0;  // bytes from the segment's start
  std::uint64_t size = 0;      // bytes
  std::string why;
};

// A quarantine and where it is.
struct KnownDamage {
  std::string log;
  std::int32_t partition = 0;
  Quarantine quarantine;
};

struct PartitionRecovery {
  std::string log;
  std::int32_t partition = 0;
  Offset log_start = 0;
  Offset durable_end = 0;  // one past the last record that was kept
  std::int32_t leader_epoch = 0;
  std::int32_t segments = 0;
  std::uint64_t scanned_bytes = 0;  // how much of the log had to be read to be sure
  std::uint64_t cut_bytes = 0;      // removed behind durable_end: never acknowledged (kept aside in `cut_copy` if any)
  std::string cut_copy;             // path, or empty
  std::int32_t indexes_rebuilt = 0;
  std::vector<Quarantine> quarantined;
  // durability = memory only: records below this offset were acknowledged and are gone with the process. -1 otherwise.
  Offset memory_lost_before = -1;
  std::vector<std::string> notes;  // anything else a person should know
};

struct RecoveryReport {
  bool clean_shutdown = false;
  std::chrono::milliseconds took{0};
  std::vector<PartitionRecovery> partitions;
  std::vector<std::string> notes;  // e.g. a directory that was adopted, a catalog that was moved aside
};

}  // namespace bitacora::storage
