#include "storage/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

#include "base/assert.h"
#include "memory_tree.h"
#include "os_error.h"

namespace bitacora::storage {
namespace {

// What the file system shares with the files that it opened, which may outlive it.
struct Disk {
  std::mutex mutex;  // guards all below, and every node
  MemoryNodePtr root = std::make_shared<MemoryNode>(MemoryNode{MemoryDirectory{}, 1, 0});
  std::uint64_t generation = 1;  // one more with each crash and kill: open files and locks of an older one are dead
  std::uint64_t capacity = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t used = 0;
};

// The names that a path is made of, one after the other; "." and empty ones are none.
class Components {
 public:
  explicit Components(std::string_view path) : rest_(path) {}

  // nullopt at the end.
  std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('/'), rest_.size());
      const std::string_view component = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      if (!component.empty() && component != ".") return component;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

bool leads_upwards(std::string_view path) {
  Components components(path);
  while (const auto component = components.next()) {
    if (*component == "..") return true;
  }
  return false;
}

// Where a path leads: the directory that holds its last name, and what that name stands for now.
struct Place {
  MemoryNodePtr parent;   // nullptr for the root
  std::string_view name;  // of the path
  MemoryNodePtr node;     // nullptr if there is none
};

// The errno of the failure, else 0 and `place` is set.
int find_place(const Disk& disk, const std::string& path, Place& place) {
  if (leads_upwards(path)) return EINVAL;
  place = Place{nullptr, "", disk.root};
  Components components(path);
  while (const auto component = components.next()) {
    if (!place.node) return ENOENT;
    MemoryDirectory* directory = place.node->directory();
    if (directory == nullptr) return ENOTDIR;
    MemoryNodePtr next = directory->find(*component);
    place = Place{std::move(place.node), *component, std::move(next)};
  }
  return 0;
}

int find_directory(const Disk& disk, const std::string& path, MemoryNodePtr& node) {
  Place place;
  if (const int error = find_place(disk, path, place); error != 0) return error;
  if (!place.node) return ENOENT;
  if (place.node->directory() == nullptr) return ENOTDIR;
  node = std::move(place.node);
  return 0;
}

void add_name(Disk& disk, const Place& place, const MemoryNodePtr& node) {
  place.parent->directory()->set(place.name, node);
  if (++node->name_count == 1 && node->image() != nullptr) disk.used += node->image()->size();
}

void forget_name_of(Disk& disk, MemoryNode& node) {
  BITACORA_ASSERT(node.name_count > 0);
  if (--node.name_count == 0 && node.image() != nullptr) disk.used -= node.image()->size();
}

// Crashes all that is reachable, and counts names and bytes anew.
void crash_tree(Disk& disk, const MemoryNodePtr& node, CrashDice& dice, std::set<const MemoryNode*>& seen) {
  if (!seen.insert(node.get()).second) {
    ++node->name_count;
    return;
  }
  node->name_count = 1;
  if (MemoryImage* image = node->image()) {
    image->crash(dice);
    disk.used += image->size();
    return;
  }
  node->directory()->crash(dice);
  for (const auto& [name, child] : node->directory()->entries()) crash_tree(disk, child, dice, seen);
}

class OpenMemoryFile final : public MemoryFile {
 public:
  enum class Access { read, read_write };

  OpenMemoryFile(std::shared_ptr<Disk> disk, MemoryNodePtr node, std::string path, Access access)
      : disk_(std::move(disk)),
        node_(std::move(node)),
        path_(std::move(path)),
        access_(access),
        generation_(disk_->generation) {}

  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("read", path_, EIO);
    return image().read(position, into);
  }

  Result<> write_at(std::uint64_t position, std::span<const ByteView> pieces) override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("write", path_, EIO);
    if (access_ == Access::read) return fail_os("write", path_, EBADF);
    for (const ByteView piece : pieces) {
      const std::uint64_t room = room_from(position);
      write_counted(position, piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), room))));
      if (room < piece.size()) return fail_os("write", path_, ENOSPC);
      position += piece.size();
    }
    return {};
  }

  Result<> sync_data() override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("fdatasync", path_, EIO);
    image().sync();
    return {};
  }

  Result<> sync() override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("fsync", path_, EIO);
    image().sync();
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("ftruncate", path_, EIO);
    if (access_ == Access::read) return fail_os("ftruncate", path_, EINVAL);
    if (size > room_from(0)) return fail_os("ftruncate", path_, ENOSPC);
    const std::uint64_t before = image().size();
    image().truncate(size);
    count_size(before);
    return {};
  }

  Result<std::uint64_t> size() const override {
    const std::scoped_lock lock(disk_->mutex);
    if (is_dead()) return fail_os("fstat", path_, EIO);
    return image().size();
  }

  void lose_unsynced() override {
    const std::scoped_lock lock(disk_->mutex);
    if (!is_dead()) image().lose_unsynced();
  }

 private:
  [[nodiscard]] bool is_dead() const { return generation_ != disk_->generation; }
  [[nodiscard]] MemoryImage& image() const { return *node_->image(); }

  // How many bytes may stand at and after `position`.
  [[nodiscard]] std::uint64_t room_from(std::uint64_t position) const {
    const std::uint64_t unused = disk_->capacity > disk_->used ? disk_->capacity - disk_->used : 0;
    const std::uint64_t own = image().size();
    const std::uint64_t most = own > std::numeric_limits<std::uint64_t>::max() - unused
                                   ? std::numeric_limits<std::uint64_t>::max()
                                   : own + unused;
    return most > position ? most - position : 0;
  }

  void write_counted(std::uint64_t position, ByteView bytes) {
    const std::uint64_t before = image().size();
    image().write(position, bytes);
    count_size(before);
  }

  void count_size(std::uint64_t before) {
    if (node_->name_count > 0) disk_->used += image().size() - before;  // modulo 2^64: right for a cut too
  }

  std::shared_ptr<Disk> disk_;
  MemoryNodePtr node_;
  std::string path_;
  Access access_;
  std::uint64_t generation_;
};

class MemoryFileLock final : public FileLock {
 public:
  MemoryFileLock(std::shared_ptr<Disk> disk, MemoryNodePtr node)
      : disk_(std::move(disk)), node_(std::move(node)), generation_(disk_->generation) {
    node_->locked_in_generation = generation_;
  }
  ~MemoryFileLock() override {
    const std::scoped_lock lock(disk_->mutex);
    if (node_->locked_in_generation == generation_) node_->locked_in_generation = 0;
  }
  MemoryFileLock(const MemoryFileLock&) = delete;
  MemoryFileLock& operator=(const MemoryFileLock&) = delete;

 private:
  std::shared_ptr<Disk> disk_;
  MemoryNodePtr node_;
  std::uint64_t generation_;
};

class MemoryFileSystemImpl final : public MemoryFileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = open_node(path, mode, node); error != 0) return fail_os("open", path, error);
    const auto access = mode == OpenMode::read ? OpenMemoryFile::Access::read : OpenMemoryFile::Access::read_write;
    return std::make_unique<OpenMemoryFile>(disk_, std::move(node), path, access);
  }

  Result<> create_directories(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    if (leads_upwards(path)) return fail_os("mkdir", path, EINVAL);
    MemoryNodePtr node = disk_->root;
    Components components(path);
    while (const auto component = components.next()) {
      MemoryNodePtr next = node->directory()->find(*component);
      if (!next) {
        if (is_full()) return fail_os("mkdir", path, ENOSPC);
        next = std::make_shared<MemoryNode>(MemoryNode{MemoryDirectory{}, 0, 0});
        add_name(*disk_, Place{node, *component, nullptr}, next);
      }
      if (next->directory() == nullptr) return fail_os("mkdir", path, ENOTDIR);
      node = std::move(next);
    }
    return {};
  }

  Result<> sync_directory(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = find_directory(*disk_, path, node); error != 0) return fail_os("fsync", path, error);
    node->directory()->sync();
    return {};
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& path) const override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = find_directory(*disk_, path, node); error != 0) return fail_os("opendir", path, error);
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, child] : node->directory()->entries()) {
      entries.push_back({name, child->directory() != nullptr});
    }
    return entries;
  }

  Result<bool> exists(const std::string& path) const override {
    const std::scoped_lock lock(disk_->mutex);
    Place place;
    const int error = find_place(*disk_, path, place);
    if (error == ENOENT || error == ENOTDIR) return false;
    if (error != 0) return fail_os("stat", path, error);
    return place.node != nullptr;
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    const std::scoped_lock lock(disk_->mutex);
    const int error = rename_node(from, to);
    if (error != 0) return fail_os("rename", from + " to " + to, error);
    return {};
  }

  Result<> remove(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    Place place;
    int error = find_place(*disk_, path, place);
    if (error == 0 && !place.node) error = ENOENT;
    if (error == 0 && place.node->directory() != nullptr) error = EISDIR;
    if (error != 0) return fail_os("unlink", path, error);
    remove_name(place);
    return {};
  }

  Result<> remove_directory(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    Place place;
    int error = find_place(*disk_, path, place);
    if (error == 0 && !place.node) error = ENOENT;
    if (error == 0 && place.node->directory() == nullptr) error = ENOTDIR;
    if (error == 0 && !place.parent) error = EINVAL;
    if (error == 0 && !place.node->directory()->entries().empty()) error = ENOTEMPTY;
    if (error != 0) return fail_os("rmdir", path, error);
    remove_name(place);
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = open_node(path, OpenMode::create, node); error != 0) return fail_os("open", path, error);
    if (node->locked_in_generation == disk_->generation) return fail_os("flock", path, EWOULDBLOCK);
    return std::make_unique<MemoryFileLock>(disk_, std::move(node));
  }

  Result<Space> space(const std::string& path) const override {
    const std::scoped_lock lock(disk_->mutex);
    Place place;
    int error = find_place(*disk_, path, place);
    if (error == 0 && !place.node) error = ENOENT;
    if (error != 0) return fail_os("statvfs", path, error);
    return Space{.size = disk_->capacity,
                 .available = disk_->capacity > disk_->used ? disk_->capacity - disk_->used : 0};
  }

  void crash(std::uint64_t seed) override {
    const std::scoped_lock lock(disk_->mutex);
    ++disk_->generation;
    disk_->used = 0;
    CrashDice dice(seed);
    std::set<const MemoryNode*> seen;
    crash_tree(*disk_, disk_->root, dice, seen);
  }

  void kill() override {
    const std::scoped_lock lock(disk_->mutex);
    ++disk_->generation;
  }

  void set_capacity(std::uint64_t bytes) override {
    const std::scoped_lock lock(disk_->mutex);
    disk_->capacity = bytes;
  }

  std::uint64_t used() const override {
    const std::scoped_lock lock(disk_->mutex);
    return disk_->used;
  }

  Result<> flip_bit(const std::string& path, std::uint64_t bit) override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = open_node(path, OpenMode::read, node); error != 0) return fail_os("open", path, error);
    if (bit / 8 >= node->image()->size()) {
      return fail(Errc::invalid_argument, "flip_bit " + path + ": bit " + std::to_string(bit) + " is past the end");
    }
    node->image()->flip_bit(bit);
    return {};
  }

  Result<> lose_unsynced_names(const std::string& path) override {
    const std::scoped_lock lock(disk_->mutex);
    MemoryNodePtr node;
    if (const int error = find_directory(*disk_, path, node); error != 0) return fail_os("fsync", path, error);
    node->directory()->lose_unsynced();
    return {};
  }

 private:
  [[nodiscard]] bool is_full() const { return disk_->used >= disk_->capacity; }

  int open_node(const std::string& path, OpenMode mode, MemoryNodePtr& node) {
    Place place;
    if (const int error = find_place(*disk_, path, place); error != 0) return error;
    if (place.node && mode == OpenMode::create_new) return EEXIST;
    if (place.node && place.node->directory() != nullptr) return EISDIR;
    if (!place.node) {
      if (mode == OpenMode::read || mode == OpenMode::read_write) return ENOENT;
      if (is_full()) return ENOSPC;
      place.node = std::make_shared<MemoryNode>(MemoryNode{MemoryImage{}, 0, 0});
      add_name(*disk_, place, place.node);
    }
    node = std::move(place.node);
    return 0;
  }

  int rename_node(const std::string& from, const std::string& to) {
    Place source;
    Place target;
    if (const int error = find_place(*disk_, from, source); error != 0) return error;
    if (const int error = find_place(*disk_, to, target); error != 0) return error;
    if (!source.node) return ENOENT;
    if (!source.parent || !target.parent) return EBUSY;
    if (source.node == target.node) return 0;
    const bool is_directory = source.node->directory() != nullptr;
    if (is_directory && is_below(to, from)) return EINVAL;
    if (target.node) {
      MemoryDirectory* replaced = target.node->directory();
      if (replaced != nullptr && !is_directory) return EISDIR;
      if (replaced == nullptr && is_directory) return ENOTDIR;
      if (replaced != nullptr && !replaced->entries().empty()) return ENOTEMPTY;
      forget_name_of(*disk_, *target.node);
    }
    add_name(*disk_, target, source.node);
    remove_name(source);
    return 0;
  }

  static bool is_below(const std::string& path, const std::string& directory) {
    Components inner(path);
    Components outer(directory);
    while (const auto component = outer.next()) {
      if (inner.next() != component) return false;
    }
    return inner.next().has_value();
  }

  void remove_name(const Place& place) {
    place.parent->directory()->set(place.name, nullptr);
    forget_name_of(*disk_, *place.node);
  }

  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
};

}  // namespace

std::unique_ptr<MemoryFileSystem> make_memory_file_system() { return std::make_unique<MemoryFileSystemImpl>(); }

}  // namespace bitacora::storage
