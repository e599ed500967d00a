// The store and its logs, behind the interfaces of store.h.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "disk_partition.h"
#include "memory_partition.h"
#include "partition_recovery.h"
#include "storage/store.h"

namespace bitacora::storage {

inline constexpr std::int32_t max_partitions = 1024;  // of one log; settings.h

class LogImpl final : public Log {
 public:
  LogImpl(std::string name, std::string topic_id, std::shared_ptr<const LogSettings> settings)
      : name_(std::move(name)), topic_id_(std::move(topic_id)), settings_(std::move(settings)) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] std::string topic_id() const override { return topic_id_; }
  [[nodiscard]] LogSettings settings() const override;
  [[nodiscard]] std::int32_t partition_count() const override;
  [[nodiscard]] Partition& partition(std::int32_t number) const override;

  void add(std::unique_ptr<AppendablePartition> partition);
  void change_settings(const std::shared_ptr<const LogSettings>& settings);

 private:
  const std::string name_;
  const std::string topic_id_;
  mutable std::mutex mutex_;
  std::shared_ptr<const LogSettings> settings_;
  std::vector<std::unique_ptr<AppendablePartition>> partitions_;  // only ever grows
};

class StoreImpl final : public Store {
 public:
  StoreImpl(FileSystem& fs, const Clock& clock, Catalog& catalog, StoreOptions options);
  [[nodiscard]] Result<> recover();

  [[nodiscard]] const RecoveryReport& recovery_report() const noexcept override { return report_; }
  [[nodiscard]] Result<Log*> create_log(const std::string& name, const LogSettings& settings) override;
  [[nodiscard]] Log* find_log(std::string_view name) const override;
  [[nodiscard]] std::vector<Log*> logs() const override;
  [[nodiscard]] Result<> change_settings(const std::string& name, const LogSettings& settings) override;
  [[nodiscard]] std::uint32_t partition_count() const override;
  [[nodiscard]] Partition& partition(PartitionIndex index) const override;
  [[nodiscard]] DiskSpace disk_space() const override { return space_.look(); }
  [[nodiscard]] std::vector<KnownDamage> known_damage() const override;
  [[nodiscard]] std::unique_ptr<CompactionHold> hold_compaction(std::vector<Offset> from) override;
  [[nodiscard]] Result<std::uint64_t> run_housekeeping() override;
  [[nodiscard]] Result<ScrubResult> scrub(std::uint64_t max_bytes) override;
  [[nodiscard]] ScrubTotals scrub_totals() const override;
  [[nodiscard]] Result<std::uint64_t> index_keys(std::uint64_t max_bytes) override;
  [[nodiscard]] Result<> close() override;

 private:
  [[nodiscard]] Result<> lock_directory();
  [[nodiscard]] Result<std::vector<CatalogLog>> find_logs();
  [[nodiscard]] Result<> adopt(const CatalogLog& log);
  [[nodiscard]] std::string read_topic_id(const std::string& directory) const;
  [[nodiscard]] std::string make_topic_id();
  [[nodiscard]] Result<> open_log(const CatalogLog& row, const CleanShutdown* mark,
                                  std::vector<PartitionRecovery>& reports);
  [[nodiscard]] Result<std::unique_ptr<AppendablePartition>> open_partition(const CatalogLog& row, std::int32_t number,
                                                                            std::shared_ptr<const LogSettings> settings,
                                                                            const CleanPartition* clean,
                                                                            std::vector<PartitionRecovery>& reports);
  [[nodiscard]] Result<> create_partition_directory(const CatalogLog& row, std::int32_t number);
  void adopt_partition(LogImpl& log, std::unique_ptr<AppendablePartition> partition);
  [[nodiscard]] Result<> may_change() const;
  void restore_ballast_if_roomy();
  // store_housekeeping.cc
  [[nodiscard]] Result<std::uint64_t> keep_house();
  [[nodiscard]] Result<> scrub_some(std::uint64_t max_bytes, ScrubResult& into);
  [[nodiscard]] std::vector<AppendablePartition*> all_partitions() const;

  const StoreOptions options_;
  std::uint64_t topic_ids_made_ = 0;
  SegmentCache cache_;
  SpaceWatch space_;
  const std::shared_ptr<CompactionHolds> compaction_holds_ = std::make_shared<CompactionHolds>();
  const StoreContext context_;
  std::unique_ptr<FileLock> lock_;
  RecoveryReport report_;  // not changed once recover() has returned

  std::mutex changing_;  // one change of the set of logs at a time; before mutex_
  bool closed_ = false;  // changing_
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<LogImpl>, std::less<>> logs_;
  std::vector<AppendablePartition*> partitions_;  // by PartitionIndex

  std::mutex scrubbing_;                  // one scrub at a time; before mutex_
  std::uint32_t scrubbed_partition_ = 0;  // scrubbing_: where it stands
  ScrubPosition scrub_position_;          // scrubbing_
  mutable std::mutex totals_mutex_;
  ScrubTotals scrub_totals_;  // totals_mutex_
};

}  // namespace bitacora::storage
