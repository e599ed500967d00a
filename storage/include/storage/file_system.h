// The one door between the log library and the operating system. Three implementations: PosixFileSystem,
// MemoryFileSystem (with a crash that keeps what was synced and a seeded subset of the rest) and FaultyFileSystem
// (fails the N-th call).
//
// Durability contract, which is POSIX's and no more: bytes are durable after File::sync_data or sync returned; a name
// in a directory (created, renamed or removed) is durable after sync_directory of that directory returned. A sync that
// failed says nothing about the bytes for ever after: see DESIGN and docs/storage-format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "storage/errc.h"

namespace bitacora::storage {

// An open file. Reads may run beside one writer; two writers of one file must not run side by side.
class File {
 public:
  virtual ~File() = default;

  // Reads into all of `into`, less only where the file ends first. Returns how many bytes were read.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const = 0;
  // Writes all the pieces one behind the other (pwritev), or fails; after a failure any part may have been written.
  [[nodiscard]] virtual Result<> write_at(std::uint64_t position, std::span<const ByteView> pieces) = 0;
  [[nodiscard]] virtual Result<> sync_data() = 0;                   // fdatasync: the bytes, and the size if it changed.
  [[nodiscard]] virtual Result<> sync() = 0;                        // fsync.
  [[nodiscard]] virtual Result<> truncate(std::uint64_t size) = 0;  // Grows with zeros or cuts.
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  // What is in the page cache of these bytes and is durable is let go: the next read asks the disk. Only advice.
  virtual void drop_cached(std::uint64_t /*position*/, std::uint64_t /*size*/) const {}
  // The descriptor for sendfile, or -1 where there is none.
  [[nodiscard]] virtual int native_handle() const noexcept { return -1; }

  [[nodiscard]] Result<> write_at(std::uint64_t position, ByteView bytes) {
    return write_at(position, std::span(&bytes, 1));
  }
};

// Held for as long as it lives; another process's (or another open's) lock of the same path fails with Errc::locked.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode {
  read,        // must exist
  read_write,  // must exist
  create,      // read and write; made if absent, kept if there
  create_new,  // read and write; Errc::already_exists if there
};

struct DirectoryEntry {
  std::string name;  // without the directory
  bool is_directory = false;
};

// Of the file system that holds a path, as an unprivileged user sees it and `df` counts it, in bytes.
struct Space {
  std::uint64_t size = 0;       // what is used and what is available, together
  std::uint64_t available = 0;  // what can still be written
  friend bool operator==(const Space&, const Space&) = default;
};

// Paths are '/'-separated; a relative one is relative to ".". Thread-safe unless an implementation says otherwise.
//
// Errors, the same in every implementation: not_found for a missing file or parent directory, already_exists,
// invalid_argument where a directory stands for a file or the reverse and for a directory that is not empty, no_space,
// locked, io_error for everything else. Error::os_error has the errno, the message the path.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  [[nodiscard]] virtual Result<> create_directories(
      const std::string& path) = 0;  // Not an error if there. Not yet durable.
  [[nodiscard]] virtual Result<> sync_directory(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) const = 0;  // sorted by name
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) const = 0;
  [[nodiscard]] virtual Result<> rename(const std::string& from, const std::string& to) = 0;  // Replaces `to`.
  [[nodiscard]] virtual Result<> remove(const std::string& path) = 0;                         // One file.
  [[nodiscard]] virtual Result<> remove_directory(const std::string& path) = 0;               // Must be empty.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  [[nodiscard]] virtual Result<Space> space(const std::string& path) const = 0;
};

// Reads a whole small file. Errc::not_found if absent.
[[nodiscard]] Result<Bytes> read_file(FileSystem& fs, const std::string& path);
// Writes `path` so that after a crash it holds either the old bytes or the new: `<path>.tmp`, sync, rename, sync
// directory.
[[nodiscard]] Result<> write_file_durably(FileSystem& fs, const std::string& path, ByteView bytes);
// The directory that holds the name `path`: "." for a bare name, "/" for "/x" and for "/" itself.
[[nodiscard]] std::string parent_directory(const std::string& path);
// Makes `path` and whatever is missing above it, and syncs the parent of each directory made and of `path` in any case:
// an earlier start may have made it and crashed before its own sync.
[[nodiscard]] Result<> create_directories_durably(FileSystem& fs, const std::string& path);

}  // namespace bitacora::storage
