#include "storage/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>
#include <utility>

#include "os_error.h"

namespace bitacora::storage {
namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;

// Owns a descriptor. close() can tell of a failed write only what fdatasync told before, so its result is not looked
// at.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

// Calls until it was not interrupted.
template <class Call>
auto uninterrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, file_mode); });
  if (fd < 0) return fail_os("open", path, errno);
  return Descriptor(fd);
}

// open() of a directory for reading succeeds; everything after it would not.
Result<Descriptor> open_regular(const std::string& path, int flags) {
  auto descriptor = open_descriptor(path, flags);
  if (!descriptor) return descriptor;
  struct stat status {};
  if (::fstat(descriptor->get(), &status) != 0) return fail_os("fstat", path, errno);
  if (S_ISDIR(status.st_mode)) return fail_os("open", path, EISDIR);
  return descriptor;
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::read_write: return O_RDWR;
    case OpenMode::create: return O_RDWR | O_CREAT;
    case OpenMode::create_new: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

// What is still to be written: at most IOV_MAX pieces of it at a time, empty ones left out.
class Pending {
 public:
  explicit Pending(std::span<const ByteView> pieces) : pieces_(pieces) { skip(0); }

  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  // Valid until skip().
  [[nodiscard]] std::span<const iovec> vectors() {
    vectors_.clear();
    std::size_t done_of_first = done_;
    for (const ByteView piece : pieces_.first(std::min<std::size_t>(pieces_.size(), IOV_MAX))) {
      const ByteView left = piece.subspan(std::exchange(done_of_first, 0));
      vectors_.push_back({const_cast<std::byte*>(left.data()), left.size()});  // pwritev only reads
    }
    return vectors_;
  }
  void skip(std::size_t count) {
    done_ += count;
    while (!pieces_.empty() && done_ >= pieces_.front().size()) {
      done_ -= pieces_.front().size();
      pieces_ = pieces_.subspan(1);
    }
  }

 private:
  std::span<const ByteView> pieces_;
  std::size_t done_ = 0;  // of pieces_.front()
  std::vector<iovec> vectors_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    if (!is_position(position)) return std::size_t{0};  // no file is that long
    std::size_t count = 0;
    while (count < into.size()) {
      const std::span<std::byte> rest = into.subspan(count);
      const ssize_t got = uninterrupted(
          [&] { return ::pread(descriptor_.get(), rest.data(), rest.size(), static_cast<off_t>(position + count)); });
      if (got < 0) return fail_os("read", path_, errno);
      if (got == 0) break;
      count += static_cast<std::size_t>(got);
    }
    return count;
  }

  Result<> write_at(std::uint64_t position, std::span<const ByteView> pieces) override {
    if (!is_position(position)) return fail_os("write", path_, EFBIG);
    Pending pending(pieces);
    while (!pending.empty()) {
      const std::span<const iovec> vectors = pending.vectors();
      const ssize_t written = uninterrupted([&] {
        return ::pwritev(descriptor_.get(), vectors.data(), static_cast<int>(vectors.size()),
                         static_cast<off_t>(position));
      });
      if (written < 0) return fail_os("write", path_, errno);
      if (written == 0) return fail_os("write", path_, EIO);  // would go on for ever
      position += static_cast<std::uint64_t>(written);
      pending.skip(static_cast<std::size_t>(written));
    }
    return {};
  }

  // Not tried again, not even after EINTR: a sync that failed once may succeed next time without having written
  // anything.
  Result<> sync_data() override {
    if (::fdatasync(descriptor_.get()) != 0) return fail_os("fdatasync", path_, errno);
    return {};
  }

  Result<> sync() override {
    if (::fsync(descriptor_.get()) != 0) return fail_os("fsync", path_, errno);
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    if (!is_position(size)) return fail_os("ftruncate", path_, EFBIG);
    if (uninterrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0) {
      return fail_os("ftruncate", path_, errno);
    }
    return {};
  }

  Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return fail_os("fstat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  void drop_cached(std::uint64_t position, std::uint64_t size) const override {
    if (!is_position(position) || !is_position(size)) return;
    ::posix_fadvise(descriptor_.get(), static_cast<off_t>(position), static_cast<off_t>(size), POSIX_FADV_DONTNEED);
  }

  int native_handle() const noexcept override { return descriptor_.get(); }

 private:
  static bool is_position(std::uint64_t position) {
    return position <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  }

  Descriptor descriptor_;
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // closing it gives the lock up
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto descriptor = open_regular(path, flags_of(mode));
    if (!descriptor) return Failed(descriptor.error());
    return std::make_unique<PosixFile>(std::move(*descriptor), path);
  }

  Result<> create_directories(const std::string& path) override {
    if (::mkdir(path.c_str(), directory_mode) == 0) return {};
    if (errno == ENOENT && parent_directory(path) != path) {
      if (auto made = create_directories(parent_directory(path)); !made) return made;
      if (::mkdir(path.c_str(), directory_mode) == 0) return {};
    }
    const int error = errno;
    if (error != EEXIST) return fail_os("mkdir", path, error);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return fail_os("stat", path, errno);
    if (!S_ISDIR(status.st_mode)) return fail_os("mkdir", path, ENOTDIR);
    return {};
  }

  Result<> sync_directory(const std::string& path) override {
    const int fd = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return fail_os("open", path, errno);
    const Descriptor descriptor(fd);
    if (::fsync(descriptor.get()) != 0) return fail_os("fsync", path, errno);
    return {};
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) const override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) return fail_os("opendir", path, errno);
    std::vector<DirectoryEntry> entries;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (::fstatat(::dirfd(directory.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // removed since
        return fail_os("stat", path + "/" + name, errno);
      }
      entries.push_back({name, S_ISDIR(status.st_mode)});
    }
    if (errno != 0) return fail_os("readdir", path, errno);
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
  }

  Result<bool> exists(const std::string& path) const override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return fail_os("stat", path, errno);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_os("rename", from + " to " + to, errno);
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return fail_os("unlink", path, errno);
    return {};
  }

  Result<> remove_directory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return fail_os("rmdir", path, errno);
    return {};
  }

  // flock belongs to the open, not to the process: a second open in this process conflicts too, and a dead process
  // holds nothing. The file stays when the lock goes; removing it would let two openers lock two files of one name.
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    auto descriptor = open_regular(path, flags_of(OpenMode::create));
    if (!descriptor) return Failed(descriptor.error());
    if (uninterrupted([&] { return ::flock(descriptor->get(), LOCK_EX | LOCK_NB); }) != 0) {
      return fail_os("flock", path, errno);
    }
    return std::make_unique<PosixFileLock>(std::move(*descriptor));
  }

  Result<Space> space(const std::string& path) const override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return fail_os("statvfs", path, errno);
    // What is kept for root counts as neither used nor available.
    const std::uint64_t used = status.f_blocks - status.f_bfree;
    return Space{.size = (used + status.f_bavail) * status.f_frsize, .available = status.f_bavail * status.f_frsize};
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace bitacora::storage
