// Wraps another file system and makes calls fail, by count or by seed. A test runs N = 1, 2, 3 ... until a run has no fault.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/file_system.h"

namespace bitacora::storage {

enum class FaultKind {
  io_error,      // the call does nothing and fails
  no_space,      // the same with Errc::no_space; a write has written a part
  short_write,   // a write writes a random part, then fails with io_error
  failed_sync,   // a sync fails with io_error and what it was to make durable never will be: it is dropped at the next crash,
                 // though reads see it until then (what Linux does: reliability.md §2.0)
};

enum class FaultTarget { any, reads, writes, syncs, directories };  // directories: open with create, rename, remove, sync_directory

struct FaultPlan {
  FaultKind kind = FaultKind::io_error;
  FaultTarget target = FaultTarget::any;
  std::uint64_t at = 1;         // the N-th call of the target, from 1
  bool sticky = false;          // every later call of the target fails too
  std::string path_contains{};  // only calls on such paths count
  std::uint64_t seed = 1;       // for the random part
};

class FaultyFileSystem : public FileSystem {
 public:
  virtual void arm(FaultPlan plan) = 0;  // counting starts anew
  virtual void disarm() = 0;
  [[nodiscard]] virtual bool fired() const = 0;
  [[nodiscard]] virtual std::uint64_t calls() const = 0;  // of the armed target, since arm()
};

// `inner` outlives the result.
[[nodiscard]] std::unique_ptr<FaultyFileSystem> make_faulty_file_system(FileSystem& inner);

}  // namespace bitacora::storage
