// A file system in memory that can lose power. For tests, simulators and examples; thread-safe.
//
// crash(seed) leaves what a real disk might: every byte that a sync covered; of the rest a seeded, random subset of the
// 512-byte sectors written since, in any order, some torn; file sizes likewise; directory entries that were not synced are
// there or not, by the seed. Open files are dead afterwards (every call fails with io_error), locks are gone.
#pragma once

#include <cstdint>

#include "storage/file_system.h"

namespace bitacora::storage {

class MemoryFileSystem : public FileSystem {
 public:
  virtual void crash(std::uint64_t seed) = 0;
  virtual void kill() = 0;                              // kill -9: open files die, the kernel keeps every write
  virtual void set_capacity(std::uint64_t bytes) = 0;   // writes that need more fail with no_space; default: no limit
  [[nodiscard]] virtual std::uint64_t used() const = 0; // bytes
  // Flips one bit of a file, synced or not: bit-rot. Errc::not_found, Errc::invalid_argument past its end.
  [[nodiscard]] virtual Result<> flip_bit(const std::string& path, std::uint64_t bit) = 0;
};

[[nodiscard]] std::unique_ptr<MemoryFileSystem> make_memory_file_system();

}  // namespace bitacora::storage
