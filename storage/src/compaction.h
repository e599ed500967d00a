// One compaction pass over the sealed segments of a partition: it reads, decides and builds new files beside the old
// ones. Putting them in the old ones' place is the partition's. Rules: docs/storage-format.md, "Compaction".
//
//   Compaction pass(...);
//   pass.learn(); for (group : *pass.plan()) swap(group, *pass.build(group));
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "batch_cleaner.h"
#include "cleaned_segment.h"
#include "latest_offsets.h"
#include "leader_epochs.h"
#include "segment.h"
#include "storage/errc.h"
#include "storage/file_system.h"

namespace bitacora::storage {

struct CompactionOptions {
  Offset dirty_begin = 0;  // below it no key has two records
  std::uint64_t segment_bytes = 0;
  std::size_t key_bytes = 0;  // when the keys learnt take this much the pass ends there; the next one goes on
  std::int64_t index_interval = 0;
  Timestamp expired = 0;  // see CleaningRules
  Timestamp new_horizon = 0;
  std::function<bool()> stopping;  // asked once a segment; if so the pass ends with Errc::closed
};

// Neighbours that become one new segment.
struct CompactionGroup {
  std::size_t first = 0;  // numbers of segments, as given
  std::size_t count = 0;
};

class Compaction {
 public:
  // `segments` are sealed and neighbours. `fs` and `epochs` outlive the pass.
  Compaction(FileSystem& fs, const LeaderEpochs& epochs, std::vector<SegmentExtent> segments,
             CompactionOptions options);

  // Reads what no pass has seen yet.
  [[nodiscard]] Result<> learn();
  // Looks at every segment up to where the keys are known; only what gets smaller, or can be merged, is in a group. A
  // segment with damage is left as it is.
  [[nodiscard]] Result<std::vector<CompactionGroup>> plan();
  // Durable but for its name. The caller removes it if it is not used.
  [[nodiscard]] Result<CleanedSegment> build(const CompactionGroup& group, std::string path) const;

  // When all groups are in place: no key has two records below this.
  [[nodiscard]] Offset clean_end() const noexcept { return clean_end_; }
  [[nodiscard]] std::optional<Timestamp> next_expiry() const noexcept { return next_expiry_; }

 private:
  struct Survey {
    std::uint64_t size = 0;  // when cleaned
    bool changes = false;
    bool is_damaged = false;
    Tombstones tombstones = Tombstones::may_expire;  // at its beginning
  };

  [[nodiscard]] Result<std::unique_ptr<File>> open(const SegmentExtent& segment) const;
  [[nodiscard]] Result<Survey> survey(const SegmentExtent& segment);
  [[nodiscard]] Result<> clean(const SegmentExtent& segment, Tombstones tombstones, CleanedSegment& into) const;
  [[nodiscard]] std::vector<CompactionGroup> group() const;
  [[nodiscard]] bool fits(const CompactionGroup& group, std::uint64_t size, std::size_t next) const;
  [[nodiscard]] CleaningRules rules() const { return {latest_, options_.expired, options_.new_horizon}; }

  FileSystem& fs_;
  const LeaderEpochs& epochs_;
  const std::vector<SegmentExtent> segments_;
  const CompactionOptions options_;
  LatestOffsets latest_;
  Offset clean_end_;
  std::vector<Survey> surveys_;                     // of the first segments, those that begin below clean_end_
  Tombstones tombstones_ = Tombstones::may_expire;  // of what is looked at next
  std::optional<Timestamp> next_expiry_;
};

}  // namespace bitacora::storage
