#include "storage/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <random>

#include "os_error.h"
#include "storage/memory_file_system.h"

namespace bitacora::storage {
namespace {

// A call's place among the targets; a call may be of two.
struct Call {
  const char* name;
  bool is_read = false;
  bool is_write = false;
  bool is_sync = false;
  bool is_directory = false;
};

constexpr Call read_call{.name = "read", .is_read = true};
constexpr Call size_call{.name = "fstat", .is_read = true};
constexpr Call open_call{.name = "open", .is_read = true};
constexpr Call list_call{.name = "opendir", .is_read = true};
constexpr Call exists_call{.name = "stat", .is_read = true};
constexpr Call write_call{.name = "write", .is_write = true};
constexpr Call truncate_call{.name = "ftruncate", .is_write = true};
constexpr Call sync_data_call{.name = "fdatasync", .is_sync = true};
constexpr Call sync_call{.name = "fsync", .is_sync = true};
constexpr Call sync_directory_call{.name = "fsync", .is_sync = true, .is_directory = true};
constexpr Call create_call{.name = "open", .is_directory = true};
constexpr Call mkdir_call{.name = "mkdir", .is_directory = true};
constexpr Call rename_call{.name = "rename", .is_directory = true};
constexpr Call remove_call{.name = "unlink", .is_directory = true};
constexpr Call rmdir_call{.name = "rmdir", .is_directory = true};
constexpr Call lock_call{.name = "flock"};
constexpr Call space_call{.name = "statvfs"};

bool is_of(const Call& call, FaultTarget target) {
  switch (target) {
    case FaultTarget::any: return true;
    case FaultTarget::reads: return call.is_read;
    case FaultTarget::writes: return call.is_write;
    case FaultTarget::syncs: return call.is_sync;
    case FaultTarget::directories: return call.is_directory;
  }
  return false;
}

struct Fault {
  FaultKind kind;
  std::uint64_t random;  // where a write stops
};

// Counts calls and says which one fails. Shared by the file system and the files that it opened.
class Trigger {
 public:
  void arm(FaultPlan plan) {
    const std::scoped_lock lock(mutex_);
    random_.seed(plan.seed);
    plan_ = std::move(plan);
    calls_ = 0;
    fired_ = false;
  }

  void disarm() {
    const std::scoped_lock lock(mutex_);
    plan_.reset();
  }

  [[nodiscard]] bool fired() const {
    const std::scoped_lock lock(mutex_);
    return fired_;
  }

  [[nodiscard]] std::uint64_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  // `paths` is all that the call names.
  [[nodiscard]] std::optional<Fault> count(const Call& call, std::string_view paths) {
    const std::scoped_lock lock(mutex_);
    if (!plan_ || !is_of(call, plan_->target)) return std::nullopt;
    if (paths.find(plan_->path_contains) == std::string_view::npos) return std::nullopt;
    ++calls_;
    if (plan_->sticky ? calls_ < plan_->at : calls_ != plan_->at) return std::nullopt;
    fired_ = true;
    return Fault{plan_->kind, random_()};
  }

 private:
  mutable std::mutex mutex_;
  std::optional<FaultPlan> plan_;
  std::uint64_t calls_ = 0;
  bool fired_ = false;
  std::mt19937_64 random_;
};

Failed fail_with(const Fault& fault, const Call& call, const std::string& path) {
  return fail_os(call.name, path + " (injected)", fault.kind == FaultKind::no_space ? ENOSPC : EIO);
}

class FaultyFile final : public File {
 public:
  FaultyFile(Trigger& trigger, std::unique_ptr<File> inner, std::string path)
      : trigger_(trigger), inner_(std::move(inner)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    if (const auto fault = trigger_.count(read_call, path_)) return fail_with(*fault, read_call, path_);
    return inner_->read_at(position, into);
  }

  Result<> write_at(std::uint64_t position, std::span<const ByteView> pieces) override {
    const auto fault = trigger_.count(write_call, path_);
    if (!fault) return inner_->write_at(position, pieces);
    if (fault->kind == FaultKind::no_space || fault->kind == FaultKind::short_write) {
      if (auto written = write_part(position, pieces, fault->random); !written) return written;
    }
    return fail_with(*fault, write_call, path_);
  }

  Result<> sync_data() override {
    if (const auto fault = trigger_.count(sync_data_call, path_)) return fail_sync(*fault, sync_data_call);
    return inner_->sync_data();
  }

  Result<> sync() override {
    if (const auto fault = trigger_.count(sync_call, path_)) return fail_sync(*fault, sync_call);
    return inner_->sync();
  }

  Result<> truncate(std::uint64_t size) override {
    if (const auto fault = trigger_.count(truncate_call, path_)) return fail_with(*fault, truncate_call, path_);
    return inner_->truncate(size);
  }

  Result<std::uint64_t> size() const override {
    if (const auto fault = trigger_.count(size_call, path_)) return fail_with(*fault, size_call, path_);
    return inner_->size();
  }

  void drop_cached(std::uint64_t position, std::uint64_t size) const override { inner_->drop_cached(position, size); }

  int native_handle() const noexcept override { return inner_->native_handle(); }

 private:
  // Some bytes from the beginning, never all of them.
  Result<> write_part(std::uint64_t position, std::span<const ByteView> pieces, std::uint64_t random) {
    std::uint64_t total = 0;
    for (const ByteView piece : pieces) total += piece.size();
    std::uint64_t left = total == 0 ? 0 : random % total;
    std::vector<ByteView> part;
    for (const ByteView piece : pieces) {
      part.push_back(piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left))));
      left -= part.back().size();
    }
    return inner_->write_at(position, part);
  }

  Failed fail_sync(const Fault& fault, const Call& call) {
    if (fault.kind == FaultKind::failed_sync) {
      if (auto* memory = dynamic_cast<MemoryFile*>(inner_.get())) memory->lose_unsynced();
    }
    return fail_with(fault, call, path_);
  }

  Trigger& trigger_;
  std::unique_ptr<File> inner_;
  std::string path_;
};

class FaultyFileSystemImpl final : public FaultyFileSystem {
 public:
  explicit FaultyFileSystemImpl(FileSystem& inner) : inner_(inner) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const bool may_create = mode == OpenMode::create || mode == OpenMode::create_new;
    const Call& call = may_create ? create_call : open_call;
    if (const auto fault = trigger_.count(call, path)) return fail_with(*fault, call, path);
    auto file = inner_.open(path, mode);
    if (!file) return file;
    return std::make_unique<FaultyFile>(trigger_, std::move(*file), path);
  }

  Result<> create_directories(const std::string& path) override {
    if (const auto fault = trigger_.count(mkdir_call, path)) return fail_with(*fault, mkdir_call, path);
    return inner_.create_directories(path);
  }

  Result<> sync_directory(const std::string& path) override {
    const auto fault = trigger_.count(sync_directory_call, path);
    if (!fault) return inner_.sync_directory(path);
    if (fault->kind == FaultKind::failed_sync) {
      if (auto* memory = dynamic_cast<MemoryFileSystem*>(&inner_)) {
        if (auto lost = memory->lose_unsynced_names(path); !lost) return lost;
      }
    }
    return fail_with(*fault, sync_directory_call, path);
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) const override {
    if (const auto fault = trigger_.count(list_call, path)) return fail_with(*fault, list_call, path);
    return inner_.list(path);
  }

  Result<bool> exists(const std::string& path) const override {
    if (const auto fault = trigger_.count(exists_call, path)) return fail_with(*fault, exists_call, path);
    return inner_.exists(path);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    const std::string paths = from + " to " + to;
    if (const auto fault = trigger_.count(rename_call, paths)) return fail_with(*fault, rename_call, paths);
    return inner_.rename(from, to);
  }

  Result<> remove(const std::string& path) override {
    if (const auto fault = trigger_.count(remove_call, path)) return fail_with(*fault, remove_call, path);
    return inner_.remove(path);
  }

  Result<> remove_directory(const std::string& path) override {
    if (const auto fault = trigger_.count(rmdir_call, path)) return fail_with(*fault, rmdir_call, path);
    return inner_.remove_directory(path);
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    if (const auto fault = trigger_.count(lock_call, path)) return fail_with(*fault, lock_call, path);
    return inner_.lock(path);
  }

  Result<Space> space(const std::string& path) const override {
    if (const auto fault = trigger_.count(space_call, path)) return fail_with(*fault, space_call, path);
    return inner_.space(path);
  }

  void arm(FaultPlan plan) override { trigger_.arm(std::move(plan)); }
  void disarm() override { trigger_.disarm(); }
  bool fired() const override { return trigger_.fired(); }
  std::uint64_t calls() const override { return trigger_.calls(); }

 private:
  FileSystem& inner_;
  mutable Trigger trigger_;  // reading counts calls too
};

}  // namespace

std::unique_ptr<FaultyFileSystem> make_faulty_file_system(FileSystem& inner) {
  return std::make_unique<FaultyFileSystemImpl>(inner);
}

}  // namespace bitacora::storage
