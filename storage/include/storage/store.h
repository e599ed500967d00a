// All logs of one data directory. Opening recovers; closing marks a clean shutdown. The library's front door:
//
//   auto store = Store::open(fs, clock, {.directory = "data"});
//   Log& log = *(*store)->create_log("readings", {});
//   Committer committer(**store, ...);
//
// Threads: Store, Log and Partition may be used from any thread. A Log& or Partition& lives as long as the store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/catalog.h"
#include "storage/errc.h"
#include "storage/file_system.h"
#include "storage/partition.h"
#include "storage/recovery_report.h"
#include "storage/settings.h"

namespace bitacora::storage {

class Log {
 public:
  virtual ~Log() = default;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  [[nodiscard]] virtual std::string topic_id() const = 0;  // 22 characters of base64url, as in partition.metadata
  [[nodiscard]] virtual LogSettings settings() const = 0;
  [[nodiscard]] virtual std::int32_t partition_count() const = 0;
  [[nodiscard]] virtual Partition& partition(std::int32_t number) const = 0;  // 0 <= number < partition_count()
  [[nodiscard]] bool is_internal() const noexcept { return name().starts_with("__"); }
};

enum class OpenPolicy {
  always_start,      // damage is quarantined and reported, the rest serves
  refuse_on_damage,  // Errc::corrupt instead
  read_only,         // nothing on disk is changed, no lock is needed: for dump, verify and replay from a directory
};

struct StoreOptions {
  std::string directory;
  OpenPolicy policy = OpenPolicy::always_start;
  LogSettings adopted_defaults{};  // for a log directory that the catalog does not know
  std::int64_t index_interval_bytes = 4096;
  std::int64_t preallocate_bytes = 1 << 20;  // how far ahead a sync log's active segment is filled with zeros; 0: not
  std::int64_t compaction_key_bytes = 64 << 20;  // what the keys of one compaction pass may take in memory
};

class Store {
 public:
  // Errc::locked if another process has it; Errc::unsupported_format; io errors with the path. `fs`, `clock` and
  // `catalog` outlive the store.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(FileSystem& fs, const Clock& clock, Catalog& catalog,
                                                           StoreOptions options);
  virtual ~Store() = default;

  [[nodiscard]] virtual const RecoveryReport& recovery_report() const noexcept = 0;
  // Durable when it returns: catalog row, directories, first segments. Errc::already_exists, Errc::invalid_argument.
  [[nodiscard]] virtual Result<Log*> create_log(const std::string& name, const LogSettings& settings) = 0;
  [[nodiscard]] virtual Log* find_log(std::string_view name) const = 0;  // nullptr if there is none
  [[nodiscard]] virtual std::vector<Log*> logs() const = 0;              // by name
  // Partitions may be added, never taken away. Takes effect for what is written from now on.
  [[nodiscard]] virtual Result<> change_settings(const std::string& name, const LogSettings& settings) = 0;
  [[nodiscard]] virtual std::uint32_t partition_count() const = 0;  // over all logs; PartitionIndex is below this
  [[nodiscard]] virtual Partition& partition(PartitionIndex index) const = 0;
  [[nodiscard]] virtual std::uint64_t free_space() const = 0;  // bytes, 0 if unknown

  // Retention by time and size, compaction, removal of what was deleted. Deterministic but for the clock; may run
  // beside readers and the committer. Returns how many bytes were given back.
  [[nodiscard]] virtual Result<std::uint64_t> run_housekeeping() = 0;

  // Syncs everything and leaves the clean-shutdown mark. No append may be under way. A store that is destroyed without
  // it is as after a kill.
  [[nodiscard]] virtual Result<> close() = 0;
};

}  // namespace bitacora::storage
