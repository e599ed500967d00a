#include "simulator/sabotage.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "storage/batch.h"

namespace bitacora::sim {
namespace {

using storage::Result;

class LyingFile final : public storage::File {
 public:
  explicit LyingFile(std::unique_ptr<storage::File> inner) : inner_(std::move(inner)) {}
  Result<std::size_t> read_at(std::uint64_t position, std::span<std::byte> into) const override {
    return inner_->read_at(position, into);
  }
  Result<> write_at(std::uint64_t position, std::span<const ByteView> pieces) override {
    return inner_->write_at(position, pieces);
  }
  Result<> sync_data() override { return {}; }
  Result<> sync() override { return {}; }
  Result<> truncate(std::uint64_t size) override { return inner_->truncate(size); }
  Result<std::uint64_t> size() const override { return inner_->size(); }

 private:
  std::unique_ptr<storage::File> inner_;
};

class Saboteur final : public storage::FileSystem {
 public:
  Saboteur(Sabotage sabotage, storage::FileSystem& disk) : sabotage_(sabotage), disk_(disk) {}

  Result<std::unique_ptr<storage::File>> open(const std::string& path, storage::OpenMode mode) override {
    auto file = disk_.open(path, mode);
    if (file && sabotage_ == Sabotage::ack_before_sync) *file = std::make_unique<LyingFile>(std::move(*file));
    return file;
  }
  Result<> sync_directory(const std::string& path) override {
    return sabotage_ == Sabotage::skip_directory_sync ? Result<>() : disk_.sync_directory(path);
  }
  Result<> create_directories(const std::string& path) override { return disk_.create_directories(path); }
  Result<std::vector<storage::DirectoryEntry>> list(const std::string& path) const override { return disk_.list(path); }
  Result<bool> exists(const std::string& path) const override { return disk_.exists(path); }
  Result<> rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Result<> remove(const std::string& path) override { return disk_.remove(path); }
  Result<> remove_directory(const std::string& path) override { return disk_.remove_directory(path); }
  Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override { return disk_.lock(path); }
  Result<storage::Space> space(const std::string& path) const override { return disk_.space(path); }

 private:
  Sabotage sabotage_;
  storage::FileSystem& disk_;
};

// Calls `use(log, partition, path of the segment)` for each segment of each client's log, in order.
void for_each_segment(storage::FileSystem& disk, const std::string& directory,
                      const std::function<void(const std::string&, std::int32_t, const std::string&)>& use) {
  const auto logs = disk.list(directory);
  if (!logs) return;
  for (const storage::DirectoryEntry& entry : *logs) {
    const std::size_t dash = entry.name.rfind('-');
    if (!entry.is_directory || entry.name.starts_with("__") || dash == std::string::npos) continue;
    const std::string path = directory + "/" + entry.name;
    const auto files = disk.list(path);
    if (!files) continue;
    for (const storage::DirectoryEntry& file : *files) {
      if (!file.name.ends_with(".log")) continue;
      use(entry.name.substr(0, dash), std::stoi(entry.name.substr(dash + 1)), path + "/" + file.name);
    }
  }
}

// Calls `use(batch, position)` for each whole batch from the front of a segment; where one fails its checks, that is
// the end. Returns that position.
std::uint64_t walk_batches(ByteView bytes, const std::function<void(storage::BatchView, std::uint64_t)>& use) {
  std::uint64_t position = 0;
  while (position < bytes.size()) {
    const auto batch = storage::BatchView::check(bytes.subspan(position));
    if (!batch) break;
    use(*batch, position);
    position += batch->size();
  }
  return position;
}

void cut(storage::FileSystem& disk, const std::string& path, std::uint64_t size) {
  auto file = disk.open(path, storage::OpenMode::read_write);
  BITACORA_ASSERT(file.has_value() && (*file)->truncate(size).has_value() && (*file)->sync().has_value());
}

}  // namespace

std::optional<Sabotage> parse_sabotage(std::string_view name) {
  const auto found = std::ranges::find(sabotage_names, name);
  if (found == sabotage_names.end()) return std::nullopt;
  return static_cast<Sabotage>(found - sabotage_names.begin());
}

std::unique_ptr<storage::FileSystem> make_saboteur(Sabotage sabotage, storage::FileSystem& disk) {
  if (sabotage != Sabotage::ack_before_sync && sabotage != Sabotage::skip_directory_sync) return nullptr;
  return std::make_unique<Saboteur>(sabotage, disk);
}

void sabotage_before_start(Sabotage sabotage, storage::FileSystem& disk, const std::string& directory) {
  if (sabotage != Sabotage::cut_at_first_bad_batch && sabotage != Sabotage::reuse_offsets) return;
  for_each_segment(disk, directory, [&](const std::string&, std::int32_t, const std::string& path) {
    const auto bytes = storage::read_file(disk, path);
    if (!bytes) return;
    std::uint64_t last = 0;
    const std::uint64_t end =
        walk_batches(*bytes, [&](const storage::BatchView&, std::uint64_t position) { last = position; });
    if (sabotage == Sabotage::reuse_offsets) {
      if (end > 0) cut(disk, path, last);
    } else if (end < bytes->size()) {
      cut(disk, path, end);
    }
  });
}

std::vector<SealedBatch> sealed_batches(storage::FileSystem& disk, const std::string& directory,
                                        const std::string& wanted) {
  std::vector<SealedBatch> sealed;
  for_each_segment(disk, directory, [&](const std::string& log, std::int32_t partition, const std::string& path) {
    if (log != wanted) return;
    const auto bytes = storage::read_file(disk, path);
    if (!bytes) return;
    // A mark in a batch that is not durable itself proves nothing once the power is cut: two marks do.
    std::vector<SealedBatch> proved_once, unproved;
    storage::Offset next = std::stoll(path.substr(path.rfind('/') + 1));
    walk_batches(*bytes, [&](const storage::BatchView& batch, std::uint64_t position) {
      if (batch.base_offset() != next) return;  // rotten: the base offset is outside the CRC
      next = batch.next_offset();
      if (batch.has_commit_mark()) {
        sealed.insert(sealed.end(), proved_once.begin(), proved_once.end());
        proved_once = std::exchange(unproved, {});
      }
      unproved.push_back({path, log, partition, {batch.base_offset(), batch.next_offset()}, position, batch.size()});
    });
  });
  return sealed;
}

}  // namespace bitacora::sim
