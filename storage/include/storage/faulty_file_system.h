// Wraps another file system and makes calls fail, by count. A test runs N = 1, 2, 3 ... until a run has no fault.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "storage/file_system.h"

namespace bitacora::storage {

enum class FaultKind {
  io_error,     // the call does nothing and fails
  no_space,     // the same with Errc::no_space; a write has written a random part
  short_write,  // a write writes a random part, then fails with io_error; any other call as io_error
  failed_sync,  // a sync fails with io_error and what it was to make durable never will be: it is dropped at the next
                // crash, though reads see it until then (what Linux does: a later sync succeeds and makes nothing of it
                // durable). Over another file system than MemoryFileSystem, and for a call that is no sync, the same as
                // io_error
};

enum class FaultTarget {
  any,          // all that can fail: the calls below, and lock and space
  reads,        // read_at, size, open of what must exist, list, exists
  writes,       // write_at, truncate
  syncs,        // sync_data, sync, sync_directory
  directories,  // open with create or create_new, create_directories, rename, remove, remove_directory, sync_directory
};

struct FaultPlan {
  FaultKind kind = FaultKind::io_error;
  FaultTarget target = FaultTarget::any;
  std::uint64_t at = 1;         // the N-th call of the target, from 1
  bool sticky = false;          // every later call of the target fails too
  std::string path_contains{};  // only calls on such paths count (a rename: either path)
  std::uint64_t seed = 1;       // for the random part
};

class FaultyFileSystem : public FileSystem {
 public:
  virtual void arm(FaultPlan plan) = 0;                   // counting starts anew; holds for files that are open already
  virtual void disarm() = 0;                              // fired() and calls() keep their values
  [[nodiscard]] virtual bool fired() const = 0;           // since arm()
  [[nodiscard]] virtual std::uint64_t calls() const = 0;  // of the armed target, since arm()
};

// `inner` outlives the result and all that the result opened.
[[nodiscard]] std::unique_ptr<FaultyFileSystem> make_faulty_file_system(FileSystem& inner);

}  // namespace bitacora::storage
