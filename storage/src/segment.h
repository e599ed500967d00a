// One segment of a partition on disk, and the cache of those that are open.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "batch_walker.h"
#include "key_index_file.h"
#include "leader_epochs.h"
#include "segment_index.h"
#include "storage/errc.h"
#include "storage/file_system.h"
#include "storage/offset.h"

namespace bitacora::storage {

// What a partition knows of one segment. Shared with the readers that are in it, so that retention may unlink its files
// under them. All but `base` and `stem` is guarded by the partition's mutex.
struct Segment {
  Segment(Offset base_offset, std::string path_stem, std::int64_t index_interval, std::uint64_t its_generation = 0)
      : base(base_offset),
        stem(std::move(path_stem)),
        generation(its_generation),
        end(base_offset),
        index(base_offset, index_interval) {}

  const Offset base;
  const std::string stem;                  // path of its files without the suffix
  const std::uint64_t generation;          // of several that had this stem in this process, one after the other
  Offset end;                              // one past its last readable record
  std::uint64_t size = 0;                  // bytes of its batches up to `end`
  std::vector<Damage> damages;             // found so far, by position
  std::optional<Timestamp> max_timestamp;  // once it is known; of the active one the index knows it
  std::optional<KeyIndexEnd> key_index;    // how far its key index goes; nullopt: to be looked at

  // The active segment, and one that compaction is just putting in place; others are opened through the SegmentCache.
  std::shared_ptr<File> file;
  SegmentIndex index;
};

using SegmentPtr = std::shared_ptr<Segment>;

// What does not change while it is read: taken from a Segment under the partition's mutex.
struct SegmentExtent {
  Offset base = 0;
  std::string stem;
  Offset end = 0;
  std::uint64_t size = 0;
  std::uint64_t generation = 0;
};

[[nodiscard]] SegmentExtent extent_of(const Segment& segment);
// All of it, from its first batch on.
[[nodiscard]] SegmentRegion region_of(const SegmentExtent& extent);

// Base offset of the batch that the index entry names. Errc::corrupt if no batch with that last offset stands there.
[[nodiscard]] Result<Offset> batch_base_at(const File& file, const OffsetIndexEntry& entry, std::uint64_t segment_size);

struct OpenSegment {
  std::shared_ptr<File> file;
  SegmentIndex index;
  bool index_was_rebuilt = false;
  std::uint64_t generation = 0;  // of the segment that it was opened for
};

// Keeps the files and indexes of the sealed segments that were used last, over all partitions. Thread-safe; whoever
// holds what it gave may go on using it after it was dropped here.
class SegmentCache {
 public:
  enum class Access { read_write, read_only };  // read_only: rebuilt indexes are not written

  SegmentCache(FileSystem& fs, std::size_t capacity, std::int64_t index_interval, Access access);

  // Opens the segment or finds it open. Its index files are believed only after a look at the segment (see
  // docs/storage-format.md), otherwise rebuilt. Errc::not_found if the segment was removed.
  [[nodiscard]] Result<std::shared_ptr<const OpenSegment>> open(const SegmentExtent& extent,
                                                                const LeaderEpochs& epochs);
  // The same with an index made anew from the segment.
  [[nodiscard]] Result<std::shared_ptr<const OpenSegment>> rebuild(const SegmentExtent& extent,
                                                                   const LeaderEpochs& epochs);
  // Nothing if a later generation is here.
  void put(const std::string& stem, std::shared_ptr<const OpenSegment> segment);
  void drop(const std::string& stem);

  [[nodiscard]] std::int64_t index_interval() const noexcept { return index_interval_; }

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const OpenSegment>>;

  [[nodiscard]] std::shared_ptr<const OpenSegment> find(const SegmentExtent& extent);
  [[nodiscard]] Result<std::optional<SegmentIndex>> load_index(const SegmentExtent& extent, const File& file,
                                                               const LeaderEpochs& epochs);

  FileSystem& fs_;
  const std::size_t capacity_;
  const std::int64_t index_interval_;
  const Access access_;
  std::mutex rebuilding_;  // one rebuild at a time: it writes files
  std::mutex mutex_;
  std::list<Entry> entries_;  // the one used last is in front
  std::unordered_map<std::string, std::list<Entry>::iterator> by_stem_;
};

// Writes both index files of the segment and syncs them.
[[nodiscard]] Result<> write_index_files(FileSystem& fs, const std::string& stem, const SegmentIndex& index);

}  // namespace bitacora::storage
