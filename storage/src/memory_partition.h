// A partition that is a bounded ring in memory: durability `memory`. Its records die with the process; its offsets do
// not, since they are reserved in the catalog before they are used.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "appendable_partition.h"
#include "storage/catalog.h"
#include "storage/recovery_report.h"
#include "storage/settings.h"

namespace bitacora::storage {

class MemoryPartition final : public AppendablePartition {
 public:
  static constexpr Offset reservation_block = 1 << 20;

  // Begins at the catalog's reservation. `catalog` outlives the partition.
  [[nodiscard]] static Result<std::unique_ptr<MemoryPartition>> open(Catalog& catalog, PartitionIndex index,
                                                                     std::string log, std::int32_t number,
                                                                     std::shared_ptr<const LogSettings> settings);

  [[nodiscard]] const std::string& log_name() const noexcept override { return log_; }
  [[nodiscard]] std::int32_t number() const noexcept override { return number_; }
  [[nodiscard]] PartitionIndex index() const noexcept override { return index_; }
  [[nodiscard]] PartitionOffsets offsets() const override;
  [[nodiscard]] std::int32_t leader_epoch() const override { return 0; }
  [[nodiscard]] std::uint64_t size_bytes() const override;
  [[nodiscard]] std::int32_t segment_count() const override { return 0; }
  [[nodiscard]] bool offline() const override { return false; }
  [[nodiscard]] Result<ReadResult> read(Offset offset, std::size_t max_bytes, ReadHint hint) const override;
  [[nodiscard]] Result<std::optional<OffsetAtTime>> find_time(Timestamp timestamp) const override;
  [[nodiscard]] Result<Offset> delete_records_before(Offset before) override;

  [[nodiscard]] Cleanup cleanup() const override;
  [[nodiscard]] std::size_t max_batch_bytes() const override;
  [[nodiscard]] Result<std::size_t> make_room(std::span<const std::size_t> sizes, Now now) override;
  [[nodiscard]] Result<std::vector<Placement>> write(std::span<const BatchPtr> batches) override;
  [[nodiscard]] bool needs_sync() const override { return false; }
  [[nodiscard]] Result<> sync() override { return {}; }
  [[nodiscard]] bool can_retry() const override { return false; }
  [[nodiscard]] Result<std::vector<Placement>> retry(std::span<const BatchPtr> batches) override;
  void commit(std::span<const BatchPtr> batches) override;
  void abandon() override;
  [[nodiscard]] std::optional<MonotonicTime> flush_due() const override { return std::nullopt; }
  [[nodiscard]] Result<> flush(Now) override { return {}; }

  void change_settings(std::shared_ptr<const LogSettings> settings) override;
  // Never on disk, so never damaged there.
  [[nodiscard]] std::vector<Quarantine> quarantined() const override { return {}; }
  [[nodiscard]] Result<std::optional<ScrubStep>> scrub(ScrubPosition&, std::uint64_t) override {
    return std::optional<ScrubStep>();
  }
  [[nodiscard]] Result<std::optional<std::uint64_t>> index_keys() override { return std::optional<std::uint64_t>(); }
  [[nodiscard]] Result<std::uint64_t> run_housekeeping(Now now) override;
  // Gives back the numbers that were reserved and not used.
  [[nodiscard]] Result<std::optional<CleanPartition>> close() override;

  [[nodiscard]] PartitionRecovery recovery() const;

 private:
  MemoryPartition(Catalog& catalog, PartitionIndex index, std::string log, std::int32_t number,
                  std::shared_ptr<const LogSettings> settings, Offset reserved);
  std::uint64_t drop_oldest_beyond(std::uint64_t bytes);  // mutex_ held

  Catalog& catalog_;
  const PartitionIndex index_;
  const std::string log_;
  const std::int32_t number_;
  const Offset first_offset_;  // everything below was given out by an earlier process, or not at all

  mutable std::mutex mutex_;
  std::shared_ptr<const LogSettings> settings_;
  std::deque<std::shared_ptr<const Bytes>> batches_;
  std::uint64_t size_ = 0;
  Offset log_start_;
  Offset committed_;
  bool closed_ = false;

  Offset next_;                             // append_mutex(): offset of the next record
  Offset reserved_;                         // append_mutex()
  std::optional<Timestamp> max_timestamp_;  // append_mutex()
};

}  // namespace bitacora::storage
