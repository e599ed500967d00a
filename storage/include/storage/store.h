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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/catalog.h"
#include "storage/compaction_hold.h"
#include "storage/disk_space.h"
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
  [[nodiscard]] bool is_internal() const noexcept { return is_internal_log(name()); }
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
  // Marks of the disk's use in percent, as `df` counts it; 0 and 100: none. At the second the logs of clients take no
  // appends (Errc::no_space) until the use is below it again; those that begin with "__" do.
  int disk_warn_percent = 100;
  int disk_stop_percent = 100;
  std::uint64_t ballast_bytes = 0;  // see ballast.h; 0: none
  // For simulators, where nothing may come from chance: topic ids are made from it. None: from the system's randomness.
  std::optional<std::uint64_t> topic_id_seed{};
};

// What scrub() has done since the store was opened.
struct ScrubTotals {
  std::uint64_t bytes = 0;        // read
  std::uint64_t passes = 0;       // over everything that is sealed
  std::uint64_t read_errors = 0;  // segments that could not be read to their end
};

struct ScrubResult {
  std::uint64_t bytes = 0;    // read by this call
  std::uint32_t damages = 0;  // not known before; known_damage() has them
  bool pass_ended = false;    // the next call begins anew
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
  [[nodiscard]] virtual DiskSpace disk_space() const = 0;  // as it is now
  // All that cannot be read and is known: found by the start, by a reader or by scrub(). It goes with its segment.
  [[nodiscard]] virtual std::vector<KnownDamage> known_damage() const = 0;

  // Compaction removes nothing at or above these offsets (by PartitionIndex) as long as the hold exists; a pass that is
  // under way goes on as it began.
  [[nodiscard]] virtual std::unique_ptr<CompactionHold> hold_compaction(std::vector<Offset> from) = 0;

  // Retention by time and size, compaction, removal of what was deleted; on a full disk also what the start could not
  // write, and the ballast is given up where that needs room and made anew where there is. Deterministic but for the
  // clock; may run beside readers and the committer. Returns how many bytes were given back.
  [[nodiscard]] virtual Result<std::uint64_t> run_housekeeping() = 0;

  // Reads about `max_bytes` more of what is sealed, from the disk and not from the page cache, and checks each batch as
  // a reader does. What fails is quarantined and read around, as if a reader had met it. An error says what could not
  // be read at all; the next call goes on behind it. May run beside everything else; holds no lock while it reads.
  [[nodiscard]] virtual Result<ScrubResult> scrub(std::uint64_t max_bytes) = 0;
  [[nodiscard]] virtual ScrubTotals scrub_totals() const = 0;

  // Brings the key indexes forward (key_search.h) that are behind, by about `max_bytes` of the log; those of internal
  // logs are not made. Returns how many bytes it was: 0 if there is nothing to do. May run beside everything else. What
  // fails is tried again by the next call.
  [[nodiscard]] virtual Result<std::uint64_t> index_keys(std::uint64_t max_bytes) = 0;

  // Syncs everything and leaves the clean-shutdown mark. No append may be under way. A store that is destroyed without
  // it is as after a kill.
  [[nodiscard]] virtual Result<> close() = 0;
};

}  // namespace bitacora::storage
