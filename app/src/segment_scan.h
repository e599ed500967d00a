// Reads one `.log` file batch by batch as it lies on the disk, without the store: for looking at a file and for proving
// that it is in order.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/batch.h"
#include "storage/file_system.h"

namespace bitacora::app {

struct SegmentScan {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  storage::Offset begin = 0;   // of the first batch; 0 if there is none
  storage::Offset end = 0;     // behind the last batch
  std::uint64_t position = 0;  // where the batches end
  std::uint64_t size = 0;      // of the file
  std::string damage{};        // why the bytes at `position` are no batch; empty if none follow or only zeros do
  [[nodiscard]] std::uint64_t rest() const noexcept { return size - position; }
};

// Called for each batch, CRC and offsets checked, with its place in the file.
using BatchSink = std::function<void(const storage::BatchView& batch, std::uint64_t position)>;

// Scans up to the first byte that is not of a good batch. Beyond the CRC it checks that each batch begins where the one
// before it ended, and reads every record. Fails only where the file cannot be read.
[[nodiscard]] storage::Result<SegmentScan> scan_segment(const storage::File& file, const BatchSink& sink);

}  // namespace bitacora::app
