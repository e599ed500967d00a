// A run of whole batches as they lie in the log, for whoever passes them on without looking into them (sendfile).
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "storage/file_system.h"
#include "storage/offset.h"

namespace bitacora::storage {

// Either a part of a file, which may be sent as long as it is held even where retention or compaction has removed its
// name meanwhile, or bytes. Nothing in it changes any more.
struct StoredBatches {
  OffsetRange offsets;               // from the first batch's first offset, which may be below the one asked for
  std::shared_ptr<const File> file;  // null: they are in `bytes`
  std::uint64_t position = 0;        // in the file
  std::uint64_t size = 0;            // of all, in bytes; 0: there is nothing behind the offset yet
  Bytes bytes;
};

}  // namespace bitacora::storage
