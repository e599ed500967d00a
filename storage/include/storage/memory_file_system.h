// A file system in memory that can lose power. For tests, simulators and examples; thread-safe.
//
// crash(seed) leaves what a real disk might: every byte that a sync covered; of the rest a seeded, random subset of the
// 512-byte sectors written since, in any order, some torn; file sizes likewise. A name (created, renamed, removed) that
// no sync_directory of its directory covered is there or not, each by itself: after a rename both names may exist, or
// neither. A directory whose own name is lost takes with it all that is below. One seed over one history leaves one
// disk. Open files are dead afterwards (every call fails with io_error), locks are gone.
//
// Paths: "a/b", "/a/b" and "./a/b" are the same; ".." is refused with invalid_argument.
#pragma once

#include <cstdint>

#include "storage/file_system.h"

namespace bitacora::storage {

// What MemoryFileSystem::open returns.
class MemoryFile : public File {
 public:
  // As a failed fdatasync leaves it: what was written since the last sync stays visible to reads, and is gone after the
  // next crash even if a later sync succeeds. Bytes that are written over afterwards are as any others.
  virtual void lose_unsynced() = 0;
};

class MemoryFileSystem : public FileSystem {
 public:
  virtual void crash(std::uint64_t seed) = 0;
  virtual void kill() = 0;  // kill -9: open files die, locks are gone, the kernel keeps every write and name
  // Writes and truncates that need more fail with no_space; a write has then written what fits. Once all is used, so
  // does making a file or a directory. Default: no limit.
  virtual void set_capacity(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual std::uint64_t used() const = 0;  // bytes: the sizes of all files that have a name
  // Flips one bit of a file, synced or not: bit-rot. Errc::not_found, Errc::invalid_argument past its end.
  [[nodiscard]] virtual Result<> flip_bit(const std::string& path, std::uint64_t bit) = 0;
  // As a failed fsync of the directory: see MemoryFile::lose_unsynced. Errc::not_found.
  [[nodiscard]] virtual Result<> lose_unsynced_names(const std::string& directory) = 0;
};

[[nodiscard]] std::unique_ptr<MemoryFileSystem> make_memory_file_system();

}  // namespace bitacora::storage
