// A partition in segment files: durability `sync` and `async`.
//
// Two locks. append_mutex() is held by whoever writes (the committer, housekeeping for a roll by age, close), over I/O.
// The short mutex_ guards what readers see, and no I/O is done under it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "appendable_partition.h"
#include "compaction.h"
#include "compaction_checkpoint.h"
#include "partition_recovery.h"
#include "scrub.h"
#include "segment.h"
#include "storage/settings.h"

namespace bitacora::storage {

class DiskPartition final : public AppendablePartition {
 public:
  // `context` outlives the partition.
  DiskPartition(const StoreContext& context, PartitionIndex index, std::string log, std::int32_t number,
                std::shared_ptr<const LogSettings> settings, RecoveredPartition recovered);

  [[nodiscard]] const std::string& log_name() const noexcept override { return log_; }
  [[nodiscard]] std::int32_t number() const noexcept override { return number_; }
  [[nodiscard]] PartitionIndex index() const noexcept override { return index_; }
  [[nodiscard]] PartitionOffsets offsets() const override;
  [[nodiscard]] std::int32_t leader_epoch() const override { return epochs_.latest(); }
  [[nodiscard]] std::uint64_t size_bytes() const override;
  [[nodiscard]] std::int32_t segment_count() const override;
  [[nodiscard]] bool offline() const override;
  [[nodiscard]] Result<ReadResult> read(Offset offset, std::size_t max_bytes, ReadHint hint) const override;
  [[nodiscard]] Result<std::optional<OffsetAtTime>> find_time(Timestamp timestamp) const override;
  [[nodiscard]] Result<StoredBatches> stored_batches(Offset offset, std::uint64_t max_bytes) const override;
  [[nodiscard]] Result<KeySearch> find_keys(Offset from, const KeyFilter& filter) const override;
  [[nodiscard]] Result<Offset> delete_records_before(Offset before) override;

  [[nodiscard]] Cleanup cleanup() const override;
  [[nodiscard]] std::size_t max_batch_bytes() const override;
  [[nodiscard]] Result<std::size_t> make_room(std::span<const std::size_t> sizes, Now now) override;
  [[nodiscard]] Result<std::vector<Placement>> write(std::span<const BatchPtr> batches) override;
  [[nodiscard]] bool needs_sync() const override;
  [[nodiscard]] Result<> sync() override;
  [[nodiscard]] bool can_retry() const override;
  [[nodiscard]] Result<std::vector<Placement>> retry(std::span<const BatchPtr> batches) override;
  void commit(std::span<const BatchPtr> batches) override;
  void abandon() override;
  [[nodiscard]] std::optional<MonotonicTime> flush_due() const override;
  [[nodiscard]] Result<> flush(Now now) override;

  void change_settings(std::shared_ptr<const LogSettings> settings) override;
  [[nodiscard]] std::vector<Quarantine> quarantined() const override;
  [[nodiscard]] Result<std::optional<ScrubStep>> scrub(ScrubPosition& position, std::uint64_t max_bytes) override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> index_keys() override;
  [[nodiscard]] Result<std::uint64_t> run_housekeeping(Now now) override;
  [[nodiscard]] Result<std::optional<CleanPartition>> close() override;

 private:
  // What only the appending thread knows of the active segment.
  struct Tail {
    std::shared_ptr<File> file;
    Offset base = 0;
    std::uint64_t position = 0;  // where the next batch goes
    std::uint64_t filled = 0;    // the file's size; zeros from `position` on
    Offset end = 0;              // offset of the next record
    Offset durable_end = 0;      // one past the last record that a sync covered
    std::uint64_t durable_position = 0;
    std::optional<Timestamp> first_timestamp;
    std::optional<Timestamp> max_timestamp;  // of the whole partition
    bool poisoned = false;   // a write or sync failed, or recovery found its end damaged: it is written to no more
    bool fill_ahead = true;  // until there is no room for it
  };
  // What a write moves, to be able to go back.
  struct Checkpoint {
    std::uint64_t position = 0;
    Offset end = 0;
    std::optional<Timestamp> first_timestamp;
    std::optional<Timestamp> max_timestamp;
  };
  // Where a read goes in: found under the mutex.
  struct Entrance {
    SegmentPtr segment;
    SegmentExtent extent;        // `end` is not past the committed offset
    std::shared_ptr<File> file;  // of the active segment
    std::optional<OffsetIndexEntry> indexed;
    std::vector<Damage> damages;
    std::uint64_t swaps = 0;  // how often compaction had replaced segments
  };

  // A segment as it was when it was looked up, for those who must not disturb the readers' cache.
  struct AsideEntrance {
    SegmentPtr segment;
    SegmentExtent extent;
    std::shared_ptr<File> file;  // of the active one, or while compaction is giving it its name
    std::uint64_t swaps = 0;
  };

  // disk_partition_read.cc
  [[nodiscard]] SegmentPtr segment_of(Offset offset) const;  // mutex_ held; nullptr: below the first
  [[nodiscard]] Result<Entrance> enter_and_open(Offset offset) const;
  [[nodiscard]] Result<Entrance> enter(Offset offset) const;
  [[nodiscard]] Entrance entrance_to(const SegmentPtr& segment, Offset offset) const;  // mutex_ held
  [[nodiscard]] Result<> open_file(Entrance& entrance, Offset offset) const;
  [[nodiscard]] Result<SegmentRegion> find_start(Entrance& entrance, Offset offset) const;
  [[nodiscard]] Result<> read_segment(Offset offset, std::size_t max_bytes, const ReadHint& hint,
                                      ReadResult& into) const;
  [[nodiscard]] Result<std::optional<Damage>> read_region(const Entrance& entrance, const SegmentRegion& region,
                                                          Offset offset, std::size_t max_bytes, ReadResult& into) const;
  [[nodiscard]] Failed lost(const Damage& damage) const;
  bool remember(const SegmentPtr& segment, const Damage& damage) const;
  [[nodiscard]] Result<std::optional<OffsetAtTime>> find_time_among(const std::vector<SegmentPtr>& segments,
                                                                    Timestamp timestamp) const;
  [[nodiscard]] Result<std::optional<OffsetAtTime>> find_time_in(const SegmentPtr& segment, Timestamp timestamp) const;
  [[nodiscard]] Result<std::optional<Timestamp>> max_timestamp_of(const SegmentPtr& segment) const;

  // disk_partition_stored.cc
  [[nodiscard]] Result<OffsetIndexEntry> boundary_before(const Entrance& entrance, std::uint64_t position) const;

  // disk_partition_append.cc
  [[nodiscard]] Result<> may_append() const;
  [[nodiscard]] Result<> may_take_room(Now now) const;
  [[nodiscard]] Result<> finish_recovery();
  [[nodiscard]] Result<> open_for(std::size_t next_size, Now now);
  [[nodiscard]] Error go_offline(const Error& cause);
  [[nodiscard]] std::vector<Placement> seal(std::span<const BatchPtr> batches);
  [[nodiscard]] Result<> write_run(std::span<const BatchPtr> batches);
  void fill_ahead(std::size_t run_size);
  void go_back();
  [[nodiscard]] bool is_due_to_roll(std::size_t next_size, Now now) const;

  // disk_partition_roll.cc
  [[nodiscard]] SegmentPtr active_segment() const;
  [[nodiscard]] Result<> roll();
  [[nodiscard]] Result<> replace_poisoned();
  [[nodiscard]] Result<Bytes> read_unsynced() const;
  [[nodiscard]] Result<> start_segment(Offset base, Bytes carried);
  [[nodiscard]] Result<std::shared_ptr<File>> create_segment_file(Offset base, ByteView carried);
  void finish_segment_files();

  // disk_partition_retention.cc
  [[nodiscard]] Result<std::uint64_t> forget(Now now, Timestamp expired);
  [[nodiscard]] bool is_too_old(Now now) const;
  [[nodiscard]] Result<Offset> move_log_start(Offset to);
  [[nodiscard]] Offset expired_by_size() const;
  [[nodiscard]] Result<Offset> expired_by_time(Now now);
  [[nodiscard]] Result<std::uint64_t> remove_old_segments();

  // disk_partition_scrub.cc
  [[nodiscard]] std::optional<AsideEntrance> next_to_scrub(const ScrubPosition& position) const;
  [[nodiscard]] Result<std::shared_ptr<File>> open_aside(const AsideEntrance& entrance) const;
  [[nodiscard]] bool found_damage(const SegmentPtr& segment, const Damage& damage) const;

  // disk_partition_keys.cc
  [[nodiscard]] std::optional<AsideEntrance> next_to_index() const;
  [[nodiscard]] Result<KeyIndexEnd> check_key_index(const AsideEntrance& entrance, const File& file) const;
  [[nodiscard]] Result<std::uint64_t> add_key_section(const AsideEntrance& entrance, const File& file,
                                                      KeyIndexEnd end) const;
  void note_key_index(const SegmentPtr& segment, KeyIndexEnd end) const;
  [[nodiscard]] Result<AsideEntrance> enter_aside(Offset offset) const;
  [[nodiscard]] Result<> search_key_index(const AsideEntrance& entrance, Offset from, const KeyFilter& filter,
                                          KeySearch& into, Offset& known_until) const;

  // disk_partition_compaction.cc
  [[nodiscard]] Result<std::uint64_t> compact(Now now, Timestamp expired);
  [[nodiscard]] const CompactionCheckpoint& compaction_checkpoint();
  [[nodiscard]] bool compaction_is_due(const std::vector<SegmentExtent>& sealed, Timestamp expired);
  [[nodiscard]] Result<std::uint64_t> run_pass(const std::vector<SegmentPtr>& sealed, Compaction& pass);
  [[nodiscard]] Result<> put_in_place(std::span<const SegmentPtr> old, const CleanedSegment& cleaned);
  void show_in_place_of(std::span<const SegmentPtr> old, const SegmentPtr& segment);
  [[nodiscard]] Result<> take_name(std::span<const SegmentPtr> old, const CleanedSegment& cleaned);

  [[nodiscard]] std::shared_ptr<const LogSettings> settings() const;

  const StoreContext& context_;
  const PartitionIndex index_;
  const std::string log_;
  const std::int32_t number_;
  const std::string directory_;
  const LeaderEpochs epochs_;

  mutable std::mutex mutex_;
  std::shared_ptr<const LogSettings> settings_;
  std::vector<SegmentPtr> segments_;  // rising by base; empty only in a read-only store
  Offset log_start_ = 0;
  Offset committed_ = 0;
  Offset log_end_ = 0;
  bool offline_ = false;
  bool closed_ = false;
  std::uint64_t swaps_ = 0;  // how often compaction has replaced segments

  Tail tail_;                                    // append_mutex()
  Checkpoint before_write_;                      // append_mutex()
  RecoveryWrites recovery_writes_;               // append_mutex(): what the start had no room for
  std::vector<std::int64_t> shifts_;             // append_mutex(): what seal() added to the run's timestamps
  std::optional<MonotonicTime> unsynced_since_;  // append_mutex()
  MonotonicTime append_time_{};                  // append_mutex(): of the append under way

  std::mutex housekeeping_mutex_;                              // whoever keeps house; before all others
  std::optional<CompactionCheckpoint> compaction_checkpoint_;  // housekeeping_mutex_; once it was needed
  std::optional<Timestamp> last_housekeeping_;                 // housekeeping_mutex_
  bool compaction_stopped_ = false;                            // housekeeping_mutex_: until the next start

  std::mutex retention_mutex_;  // whoever moves the log start; before mutex_
  Offset expired_last_pass_ = 0;
};

}  // namespace bitacora::storage
