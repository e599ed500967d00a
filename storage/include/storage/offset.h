// Where a record stands in its partition.
#pragma once

#include <cstdint>

#include "base/strong.h"

namespace bitacora::storage {

// 0 for the first record ever of a partition, then one more for each; never used twice. Signed 64 bits as in Kafka.
using Offset = std::int64_t;

// Half open: [begin, end).
struct OffsetRange {
  Offset begin = 0;
  Offset end = 0;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

// Number of a partition within one open store, dense from 0 over all logs, given when the partition is opened or
// created. Valid while the store is open; not stable across starts (the log's name and the partition's number are).
using PartitionIndex = Strong<struct PartitionIndexTag, std::uint32_t>;

// The three offsets that bound a partition. log_start <= committed <= log_end.
struct PartitionOffsets {
  Offset log_start = 0;  // First offset still kept.
  Offset committed = 0;  // One past the last durable record (high watermark): nobody reads past it.
  Offset log_end = 0;    // One past the last record written.
  friend bool operator==(const PartitionOffsets&, const PartitionOffsets&) = default;
};

}  // namespace bitacora::storage
