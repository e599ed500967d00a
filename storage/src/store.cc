#include "storage/store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <mutex>
#include <random>

#include "base/assert.h"
#include "base/failpoint.h"
#include "clean_shutdown.h"
#include "file_names.h"
#include "storage/ballast.h"
#include "store_impl.h"

namespace bitacora::storage {
namespace {

constexpr std::string_view format_version = "bitacora 1\n";
constexpr std::size_t open_segments = 256;

Result<> check_format_version(FileSystem& fs, const StoreOptions& options) {
  const std::string path = join(options.directory, format_version_file);
  const Result<Bytes> found = read_file(fs, path);
  if (found) {
    if (as_text(*found) == format_version) return {};
    return fail(Errc::unsupported_format, path + ": written by another version: " + std::string(as_text(*found)));
  }
  if (found.error().code != Errc::not_found) return Failed(found.error());
  if (options.policy == OpenPolicy::read_only) return {};
  return write_file_durably(fs, path, as_bytes(format_version));
}

// Reads the mark and takes it away, durably: from here on a crash is a crash.
Result<std::optional<CleanShutdown>> take_clean_mark(FileSystem& fs, const StoreOptions& options) {
  const std::string path = join(options.directory, clean_shutdown_file);
  const Result<Bytes> found = read_file(fs, path);
  if (!found) {
    if (found.error().code == Errc::not_found) return std::optional<CleanShutdown>();
    return Failed(found.error());
  }
  if (options.policy != OpenPolicy::read_only) {
    if (auto done = fs.remove(path); !done) return Failed(std::move(done.error()));
    BITACORA_FAILPOINT("start.clean_mark_removed");
    if (auto done = fs.sync_directory(options.directory); !done) return Failed(std::move(done.error()));
  }
  return parse_clean_shutdown(as_text(*found));
}

bool is_damaged(const RecoveryReport& report) {
  return std::any_of(report.partitions.begin(), report.partitions.end(),
                     [](const PartitionRecovery& partition) { return !partition.quarantined.empty(); });
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(FileSystem& fs, const Clock& clock, Catalog& catalog, StoreOptions options) {
  auto store = std::make_unique<StoreImpl>(fs, clock, catalog, std::move(options));
  if (auto done = store->recover(); !done) return Failed(std::move(done.error()));
  return std::unique_ptr<Store>(std::move(store));
}

StoreImpl::StoreImpl(FileSystem& fs, const Clock& clock, Catalog& catalog, StoreOptions options)
    : options_(std::move(options)),
      cache_(fs, open_segments, options_.index_interval_bytes,
             options_.policy == OpenPolicy::read_only ? SegmentCache::Access::read_only
                                                      : SegmentCache::Access::read_write),
      space_(fs, options_),
      context_{fs, clock, catalog, cache_, space_, options_, *compaction_holds_} {}

Result<> StoreImpl::recover() {
  const MonotonicTime begin = context_.clock.now().monotonic;
  if (auto done = lock_directory(); !done) return done;
  Result<std::optional<CleanShutdown>> mark = take_clean_mark(context_.fs, options_);
  if (!mark) return Failed(std::move(mark.error()));
  report_.clean_shutdown = mark->has_value();
  Result<std::vector<CatalogLog>> logs = find_logs();
  if (!logs) return Failed(std::move(logs.error()));
  for (const CatalogLog& log : *logs) {
    if (auto done = open_log(log, *mark ? &**mark : nullptr, report_.partitions); !done)
      return Failed(std::move(done.error()));
  }
  report_.took = std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.now().monotonic - begin);
  if (options_.policy == OpenPolicy::refuse_on_damage && is_damaged(report_)) {
    return fail(Errc::corrupt, options_.directory + ": records are damaged and the store was told to refuse");
  }
  restore_ballast_if_roomy();
  return {};
}

// Only a saving for a bad day: where it fails the next housekeeping tries again.
void StoreImpl::restore_ballast_if_roomy() {
  if (context_.read_only() || space_.look().level == SpaceLevel::exhausted) return;
  static_cast<void>(restore_ballast(context_.fs, options_.directory, options_.ballast_bytes));
}

Result<> StoreImpl::lock_directory() {
  if (!context_.read_only()) {
    if (auto done = create_directories_durably(context_.fs, options_.directory); !done) return done;
    auto lock = context_.fs.lock(join(options_.directory, lock_file));
    if (!lock) return Failed(std::move(lock.error()));
    lock_ = std::move(*lock);
    const Result<bool> released = release_ballast_if_short(context_.fs, options_.directory, options_.ballast_bytes);
    if (released && *released) report_.notes.emplace_back("the disk is full: the ballast was given up for this start");
  }
  return check_format_version(context_.fs, options_);
}

// The catalog's logs, and those that only the directory knows: they are adopted.
Result<std::vector<CatalogLog>> StoreImpl::find_logs() {
  Result<std::vector<CatalogLog>> logs = context_.catalog.logs();
  if (!logs) return logs;
  const auto entries = context_.fs.list(options_.directory);
  if (!entries) return Failed(entries.error());
  std::map<std::string, CatalogLog> unknown;
  for (const DirectoryEntry& entry : *entries) {
    const std::optional<PartitionName> name = parse_partition_directory(entry.name);
    if (!entry.is_directory || !name || name->number >= max_partitions) continue;
    const auto known =
        std::find_if(logs->begin(), logs->end(), [&](const CatalogLog& log) { return log.name == name->log; });
    CatalogLog& log = known != logs->end() ? *known : unknown[name->log];
    if (known == logs->end() && log.name.empty()) {
      log = {.name = name->log, .topic_id = "", .settings = options_.adopted_defaults};
      log.settings.partitions = 1;
    }
    if (name->number < log.settings.partitions && known != logs->end()) continue;
    log.settings.partitions = std::max(log.settings.partitions, name->number + 1);
    if (known == logs->end() && log.topic_id.empty()) log.topic_id = read_topic_id(entry.name);
    if (known != logs->end() && !context_.read_only()) {
      report_.notes.push_back("log " + log.name + ": partition " + std::to_string(name->number) +
                              " was not in the catalog and was adopted");
      if (auto done = adopt(log); !done) return Failed(std::move(done.error()));
    }
  }
  for (auto& [name, log] : unknown) {
    if (log.topic_id.empty()) log.topic_id = make_topic_id();
    report_.notes.push_back("log " + name + " was not in the catalog and was adopted with " +
                            std::to_string(log.settings.partitions) + " partitions");
    if (!context_.read_only()) {
      if (auto done = adopt(log); !done) return Failed(std::move(done.error()));
    }
    logs->push_back(log);
  }
  std::sort(logs->begin(), logs->end(), [](const CatalogLog& a, const CatalogLog& b) { return a.name < b.name; });
  return logs;
}

// Where the catalog has no room for it the next start adopts it again.
Result<> StoreImpl::adopt(const CatalogLog& log) {
  Result<> done = context_.catalog.put_log(log);
  return !done && done.error().code == Errc::no_space ? Result<>() : done;
}

std::string StoreImpl::read_topic_id(const std::string& directory) const {
  constexpr std::string_view label = "topic_id: ";
  constexpr std::size_t id_size = 22;
  const Result<Bytes> text = read_file(context_.fs, join(join(options_.directory, directory), metadata_file));
  if (!text) return {};
  const std::size_t at = as_text(*text).find(label);
  if (at == std::string_view::npos || as_text(*text).size() < at + label.size() + id_size) return {};
  return std::string(as_text(*text).substr(at + label.size(), id_size));
}

// A random UUID as Kafka writes it: base64url of 16 bytes, not beginning with '-', which command lines take for an
// option.
std::string StoreImpl::make_topic_id() {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::seed_seq seed{static_cast<std::uint32_t>(options_.topic_id_seed.value_or(0)),
                     static_cast<std::uint32_t>(topic_ids_made_++)};
  std::minstd_rand of_seed(seed);
  std::optional<std::random_device> of_system;
  if (!options_.topic_id_seed) of_system.emplace();
  const auto random = [&] { return of_system ? (*of_system)() : static_cast<unsigned>(of_seed()); };
  std::string id;
  while (id.size() < 21) {
    const char digit = digits[random() % digits.size()];
    if (id.empty() && digit == '-') continue;
    id += digit;
  }
  return id + digits[(random() % 4) * 16];  // the last digit holds 2 bits
}

Result<> StoreImpl::open_log(const CatalogLog& row, const CleanShutdown* mark,
                             std::vector<PartitionRecovery>& reports) {
  auto settings = std::make_shared<const LogSettings>(row.settings);
  auto log = std::make_unique<LogImpl>(row.name, row.topic_id, settings);
  for (std::int32_t number = 0; number < row.settings.partitions; ++number) {
    const CleanPartition* clean = nullptr;
    if (mark != nullptr) {
      const auto line = mark->find(partition_directory(row.name, number));
      if (line != mark->end()) clean = &line->second;
    }
    Result<std::unique_ptr<AppendablePartition>> partition = open_partition(row, number, settings, clean, reports);
    if (!partition) return Failed(std::move(partition.error()));
    adopt_partition(*log, std::move(*partition));
  }
  const std::lock_guard lock(mutex_);
  logs_.emplace(row.name, std::move(log));
  return {};
}

Result<std::unique_ptr<AppendablePartition>> StoreImpl::open_partition(const CatalogLog& row, std::int32_t number,
                                                                       std::shared_ptr<const LogSettings> settings,
                                                                       const CleanPartition* clean,
                                                                       std::vector<PartitionRecovery>& reports) {
  const PartitionIndex index(partition_count());
  if (row.settings.durability == Durability::memory) {
    auto partition = MemoryPartition::open(context_.catalog, index, row.name, number, std::move(settings));
    if (!partition) return Failed(std::move(partition.error()));
    reports.push_back((*partition)->recovery());
    return std::unique_ptr<AppendablePartition>(std::move(*partition));
  }
  if (!context_.read_only()) {
    // Without room the next start makes it; of the partition's files none depends on it.
    auto done = create_partition_directory(row, number);
    if (!done && done.error().code != Errc::no_space) return Failed(std::move(done.error()));
  }
  Result<RecoveredPartition> recovered = recover_partition(context_, row.name, number, clean);
  if (!recovered) return Failed(std::move(recovered.error()));
  reports.push_back(recovered->report);
  return std::unique_ptr<AppendablePartition>(
      std::make_unique<DiskPartition>(context_, index, row.name, number, std::move(settings), std::move(*recovered)));
}

Result<> StoreImpl::create_partition_directory(const CatalogLog& row, std::int32_t number) {
  const std::string path = join(options_.directory, partition_directory(row.name, number));
  const std::string metadata = join(path, metadata_file);
  const Result<bool> there = context_.fs.exists(metadata);
  if (!there) return Failed(there.error());
  if (*there) return {};
  if (auto done = create_directories_durably(context_.fs, path); !done) return done;
  BITACORA_FAILPOINT("create.directory_made");
  return write_file_durably(context_.fs, metadata, as_bytes("version: 0\ntopic_id: " + row.topic_id));
}

void StoreImpl::adopt_partition(LogImpl& log, std::unique_ptr<AppendablePartition> partition) {
  const std::lock_guard lock(mutex_);
  BITACORA_ASSERT(partition->index().value() == partitions_.size());
  partitions_.push_back(partition.get());
  log.add(std::move(partition));
}

Result<Log*> StoreImpl::create_log(const std::string& name, const LogSettings& settings) {
  const std::lock_guard changing(changing_);
  if (auto done = may_change(); !done) return Failed(std::move(done.error()));
  if (auto done = check_log_name(name); !done) return Failed(std::move(done.error()));
  if (auto done = check(settings); !done) return Failed(std::move(done.error()));
  if (find_log(name) != nullptr) return fail(Errc::already_exists, "log " + name + " exists");
  const CatalogLog row{.name = name, .topic_id = make_topic_id(), .settings = settings};
  // Directories first: a row without them would be a log that has lost its records.
  if (settings.durability != Durability::memory) {
    for (std::int32_t number = 0; number < settings.partitions; ++number) {
      if (auto done = create_partition_directory(row, number); !done) return Failed(std::move(done.error()));
    }
  }
  BITACORA_FAILPOINT("create.directories_made");
  if (auto done = context_.catalog.put_log(row); !done) return Failed(std::move(done.error()));
  BITACORA_FAILPOINT("create.log_stored");
  std::vector<PartitionRecovery> nothing_to_report;
  if (auto done = open_log(row, nullptr, nothing_to_report); !done) return Failed(std::move(done.error()));
  return find_log(name);
}

Result<> StoreImpl::change_settings(const std::string& name, const LogSettings& settings) {
  const std::lock_guard changing(changing_);
  if (auto done = may_change(); !done) return done;
  if (auto done = check(settings); !done) return done;
  auto* log = static_cast<LogImpl*>(find_log(name));
  if (log == nullptr) return fail(Errc::not_found, "no log named " + name);
  const LogSettings old = log->settings();
  if (settings.partitions < old.partitions) {
    return fail(Errc::invalid_argument, "log " + name + ": partitions cannot be taken away");
  }
  if ((settings.durability == Durability::memory) != (old.durability == Durability::memory)) {
    return fail(Errc::invalid_argument, "log " + name + ": durability cannot change from or to memory");
  }
  const CatalogLog row{.name = name, .topic_id = log->topic_id(), .settings = settings};
  if (auto done = context_.catalog.put_log(row); !done) return done;
  const auto shared = std::make_shared<const LogSettings>(settings);
  std::vector<PartitionRecovery> nothing_to_report;
  for (std::int32_t number = old.partitions; number < settings.partitions; ++number) {
    auto partition = open_partition(row, number, shared, nullptr, nothing_to_report);
    if (!partition) return Failed(std::move(partition.error()));
    adopt_partition(*log, std::move(*partition));
  }
  log->change_settings(shared);
  return {};
}

Result<> StoreImpl::may_change() const {
  if (context_.read_only()) return fail(Errc::closed, options_.directory + ": the store was opened read-only");
  if (closed_) return fail(Errc::closed, options_.directory + ": the store is closed");
  return {};
}

Log* StoreImpl::find_log(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(name);
  return found == logs_.end() ? nullptr : found->second.get();
}

std::vector<Log*> StoreImpl::logs() const {
  const std::lock_guard lock(mutex_);
  std::vector<Log*> logs;
  for (const auto& [name, log] : logs_) logs.push_back(log.get());
  return logs;
}

std::uint32_t StoreImpl::partition_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(partitions_.size());
}

Partition& StoreImpl::partition(PartitionIndex index) const {
  const std::lock_guard lock(mutex_);
  BITACORA_ASSERT(index.value() < partitions_.size());
  return *partitions_[index.value()];
}

std::vector<AppendablePartition*> StoreImpl::all_partitions() const {
  const std::lock_guard lock(mutex_);
  return partitions_;
}

Result<> StoreImpl::close() {
  const std::lock_guard changing(changing_);
  if (context_.read_only() || closed_) return {};
  closed_ = true;
  CleanShutdown mark;
  std::optional<Error> failed;
  for (AppendablePartition* partition : all_partitions()) {
    Result<std::optional<CleanPartition>> done = partition->close();
    if (done && *done) mark[partition_directory(partition->log_name(), partition->number())] = **done;
    if (!done && !failed) failed = std::move(done.error());
  }
  BITACORA_FAILPOINT("stop.partitions_closed");
  // A partition that is not in the mark is looked at by the next start.
  const std::string path = join(options_.directory, clean_shutdown_file);
  if (auto done = write_file_durably(context_.fs, path, as_bytes(format_clean_shutdown(mark))); !done) return done;
  BITACORA_FAILPOINT("stop.clean_mark_written");
  lock_.reset();
  return failed ? Result<>(Failed(std::move(*failed))) : Result<>();
}

}  // namespace bitacora::storage
