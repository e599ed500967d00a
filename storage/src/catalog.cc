#include "storage/catalog.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <mutex>
#include <set>

#include "base/crc32c.h"
#include "base/failpoint.h"
#include "catalog_schema.h"
#include "storage/posix_file_system.h"

namespace bitacora::storage {
namespace {

constexpr std::size_t max_metadata_size = 4096;
constexpr std::size_t max_snapshot_size = 1'000'000'000;  // SQLite's limit for a blob

// The suffixes of the files that make up one database. The database itself is last: were the moving aside cut short
// before it, what stays is an older state of the catalog and not somebody else's WAL.
constexpr const char* companions[] = {"-wal", "-shm", "-journal", ""};

Result<std::string> free_broken_name(FileSystem& fs, const std::string& path) {
  for (int number = 1;; ++number) {
    const std::string name = path + ".broken-" + std::to_string(number);
    bool taken = false;
    for (const char* suffix : companions) {
      const auto there = fs.exists(name + suffix);
      if (!there) return Failed(there.error());
      taken = taken || *there;
    }
    if (!taken) return name;
  }
}

Result<std::string> move_aside(FileSystem& fs, const std::string& path) {
  auto name = free_broken_name(fs, path);
  if (!name) return name;
  for (const char* suffix : companions) {
    const auto there = fs.exists(path + suffix);
    if (!there) return Failed(there.error());
    if (!*there) continue;
    if (auto moved = fs.rename(path + suffix, *name + suffix); !moved) return Failed(moved.error());
  }
  if (auto synced = fs.sync_directory(parent_directory(path)); !synced) return Failed(synced.error());
  return name;
}

// An empty file with our permissions, whose name is durable: SQLite gives its other files the same.
Result<> create_file(FileSystem& fs, const std::string& path) {
  if (auto made = create_directories_durably(fs, parent_directory(path)); !made) return made;
  if (auto file = fs.open(path, OpenMode::create_new); !file) return Failed(file.error());
  return fs.sync_directory(parent_directory(path));
}

// Looks without changing anything, but for a half-done first creation, which only a writer can roll back.
Result<CatalogContent> check_file(FileSystem& fs, const std::string& path) {
  const auto has_journal = fs.exists(path + "-journal");
  if (!has_journal) return Failed(has_journal.error());
  const auto database = *has_journal ? connect_catalog(path) : connect_catalog_read_only(path);
  if (!database) return Failed(database.error());
  return check_catalog(path, **database);
}

struct OpenCatalog {
  std::unique_ptr<SQLite::Database> database;
  std::string broken_copy;  // empty if there was none
};

Result<OpenCatalog> replace_broken(FileSystem& fs, const std::string& path) {
  auto broken_copy = move_aside(fs, path);
  if (!broken_copy) return Failed(broken_copy.error());
  if (auto created = create_file(fs, path); !created) return Failed(created.error());
  auto database = connect_catalog(path);
  if (!database) return Failed(database.error());
  return OpenCatalog{*std::move(database), *std::move(broken_copy)};
}

Result<OpenCatalog> open_file(const std::string& path) {
  const auto fs = make_posix_file_system();
  const auto there = fs->exists(path);
  if (!there) return Failed(there.error());
  if (*there) {
    const auto checked = check_file(*fs, path);
    if (!checked && checked.error().code == Errc::corrupt) return replace_broken(*fs, path);
    if (!checked) return Failed(checked.error());
  } else {
    const auto orphan = fs->exists(path + "-wal");
    if (!orphan) return Failed(orphan.error());
    if (*orphan) return replace_broken(*fs, path);  // SQLite would delete a WAL whose database is missing
    if (auto created = create_file(*fs, path); !created) return Failed(created.error());
  }
  auto database = connect_catalog(path);
  // Writing needs more of the file to be sound than the check reads.
  if (!database && database.error().code == Errc::corrupt) return replace_broken(*fs, path);
  if (!database) return Failed(database.error());
  return OpenCatalog{*std::move(database), ""};
}

CatalogLog log_of(const SQLite::Statement& row) {
  using std::chrono::milliseconds;
  CatalogLog log;
  log.name = row.getColumn(0).getString();
  log.topic_id = row.getColumn(1).getString();
  log.settings.partitions = row.getColumn(2).getInt();
  log.settings.segment_bytes = row.getColumn(5).getInt64();
  log.settings.segment_age = milliseconds(row.getColumn(6).getInt64());
  log.settings.retention_bytes.reset();
  if (!row.isColumnNull(7)) log.settings.retention_bytes = row.getColumn(7).getInt64();
  log.settings.retention_time.reset();
  if (!row.isColumnNull(8)) log.settings.retention_time = milliseconds(row.getColumn(8).getInt64());
  log.settings.max_batch_bytes = row.getColumn(9).getInt64();
  log.settings.flush_interval = milliseconds(row.getColumn(10).getInt64());
  log.settings.memory_bytes = row.getColumn(11).getInt64();
  log.settings.delete_retention = milliseconds(row.getColumn(12).getInt64());
  log.settings.min_cleanable_ratio = row.getColumn(13).getDouble();
  return log;
}

void bind_log(SQLite::Statement& statement, const CatalogLog& log) {
  const LogSettings& settings = log.settings;
  statement.bind(1, log.name);
  statement.bind(2, log.topic_id);
  statement.bind(3, settings.partitions);
  statement.bind(4, std::string(name_of(settings.durability)));
  statement.bind(5, std::string(name_of(settings.cleanup)));
  statement.bind(6, settings.segment_bytes);
  statement.bind(7, std::int64_t{settings.segment_age.count()});
  if (settings.retention_bytes) statement.bind(8, *settings.retention_bytes);  // unbound: NULL
  if (settings.retention_time) statement.bind(9, std::int64_t{settings.retention_time->count()});
  statement.bind(10, settings.max_batch_bytes);
  statement.bind(11, std::int64_t{settings.flush_interval.count()});
  statement.bind(12, settings.memory_bytes);
  statement.bind(13, std::int64_t{settings.delete_retention.count()});
  statement.bind(14, settings.min_cleanable_ratio);
}

void bind_partition(SQLite::Statement& statement, int index, const std::string& log, std::int32_t partition) {
  statement.bind(index, log);
  statement.bind(index + 1, partition);
}

}  // namespace

struct Catalog::State {
  std::string path;
  std::string broken_copy;
  std::unique_ptr<SQLite::Database> database;
  std::mutex mutex;                            // guards database and claimed
  std::set<std::string, std::less<>> claimed;  // groups

  // Whether `writer` may not write the group now. Called with the mutex held.
  [[nodiscard]] Result<> check_writer(const std::string& group, GroupWriter writer) const {
    if (writer == GroupWriter::members || !claimed.contains(group)) return {};
    return fail(Errc::already_exists, "group " + group +
                                          " has members, who hold its position and would write over this; let them "
                                          "leave first (Kafka: UNKNOWN_MEMBER_ID)");
  }

  // Calls `call(database)`, which returns a Result; what SQLite throws becomes that Result's error.
  template <class Call>
  auto with_database(std::string_view doing, Call call) -> decltype(call(*database)) {
    const std::scoped_lock lock(mutex);
    try {
      return call(*database);
    } catch (const SQLite::Exception& exception) {
      return fail_catalog(path, doing, exception);
    }
  }

  Result<std::optional<Offset>> find_offset(std::string_view doing, const char* query, const std::string& log,
                                            std::int32_t partition) {
    return with_database(doing, [&](SQLite::Database& db) -> Result<std::optional<Offset>> {
      SQLite::Statement statement(db, query);
      bind_partition(statement, 1, log, partition);
      if (!statement.executeStep()) return std::nullopt;
      return statement.getColumn(0).getInt64();
    });
  }

  Result<> put_offset(std::string_view doing, const char* query, const std::string& log, std::int32_t partition,
                      Offset offset) {
    return with_database(doing, [&](SQLite::Database& db) -> Result<> {
      SQLite::Statement statement(db, query);
      bind_partition(statement, 1, log, partition);
      statement.bind(3, offset);
      BITACORA_FAILPOINT("catalog.offset_bound");
      statement.exec();
      return {};
    });
  }
};

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path) {
  if (path.empty()) return fail(Errc::invalid_argument, "the catalog's path must not be empty");
  auto state = std::make_unique<State>();
  state->path = path;
  if (path == ":memory:") {
    auto database = connect_catalog(path);
    if (!database) return Failed(database.error());
    state->database = *std::move(database);
  } else {
    auto opened = open_file(path);
    if (!opened) return Failed(opened.error());
    state->database = std::move(opened->database);
    state->broken_copy = std::move(opened->broken_copy);
  }
  return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

Result<std::unique_ptr<Catalog>> Catalog::open_read_only(const std::string& path) {
  const auto there = make_posix_file_system()->exists(path);
  if (!there) return Failed(there.error());
  if (!*there) return fail(Errc::not_found, "catalog " + path + ": there is no such file");
  auto database = connect_catalog_read_only(path);
  if (!database) return Failed(database.error());
  const auto content = check_catalog(path, **database);
  if (!content) return Failed(content.error());
  if (*content == CatalogContent::none)
    return fail(Errc::not_found, "catalog " + path + ": there is nothing in it yet");
  auto state = std::make_unique<State>();
  state->path = path;
  state->database = *std::move(database);
  return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

const std::string& Catalog::broken_copy() const noexcept { return state_->broken_copy; }

Result<std::vector<CatalogLog>> Catalog::logs() const {
  return state_->with_database("read logs", [&](SQLite::Database& db) -> Result<std::vector<CatalogLog>> {
    std::vector<CatalogLog> logs;
    SQLite::Statement statement(
        db,
        "SELECT name, topic_id, partitions, durability, cleanup, segment_bytes, segment_age_ms, "
        "retention_bytes, retention_time_ms, max_batch_bytes, flush_interval_ms, memory_bytes, "
        "delete_retention_ms, min_cleanable_ratio FROM logs ORDER BY name");
    while (statement.executeStep()) {
      CatalogLog log = log_of(statement);
      const auto durability = parse_durability(statement.getColumn(3).getString());
      const auto cleanup = parse_cleanup(statement.getColumn(4).getString());
      if (!durability || !cleanup) {
        return fail(Errc::corrupt,
                    "catalog " + state_->path + ": log " + log.name + " has an unknown durability or cleanup");
      }
      log.settings.durability = *durability;
      log.settings.cleanup = *cleanup;
      logs.push_back(std::move(log));
    }
    return logs;
  });
}

Result<> Catalog::put_log(const CatalogLog& log) {
  return state_->with_database("write log " + log.name, [&](SQLite::Database& db) -> Result<> {
    SQLite::Statement statement(db, "INSERT OR REPLACE INTO logs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bind_log(statement, log);
    statement.exec();
    return {};
  });
}

Result<std::optional<Offset>> Catalog::log_start(const std::string& log, std::int32_t partition) const {
  return state_->find_offset("read log start", "SELECT log_start FROM log_starts WHERE log = ? AND partition = ?", log,
                             partition);
}

Result<> Catalog::put_log_start(const std::string& log, std::int32_t partition, Offset offset) {
  return state_->put_offset("write log start", "INSERT OR REPLACE INTO log_starts VALUES (?,?,?)", log, partition,
                            offset);
}

Result<std::optional<Offset>> Catalog::offset_reservation(const std::string& log, std::int32_t partition) const {
  return state_->find_offset("read offset reservation",
                             "SELECT upto FROM offset_reservations WHERE log = ? AND partition = ?", log, partition);
}

Result<> Catalog::put_offset_reservation(const std::string& log, std::int32_t partition, Offset upto) {
  return state_->put_offset("write offset reservation", "INSERT OR REPLACE INTO offset_reservations VALUES (?,?,?)",
                            log, partition, upto);
}

Result<std::vector<std::string>> Catalog::groups() const {
  return state_->with_database("read groups", [](SQLite::Database& db) -> Result<std::vector<std::string>> {
    std::vector<std::string> groups;
    SQLite::Statement statement(db, "SELECT DISTINCT group_id FROM group_offsets ORDER BY group_id");
    while (statement.executeStep()) groups.push_back(statement.getColumn(0).getString());
    return groups;
  });
}

Result<std::vector<GroupOffset>> Catalog::group_offsets(const std::string& group) const {
  return state_->with_database("read group " + group, [&](SQLite::Database& db) -> Result<std::vector<GroupOffset>> {
    std::vector<GroupOffset> offsets;
    SQLite::Statement statement(db,
                                "SELECT log, partition, next_offset, leader_epoch, metadata, committed_at FROM "
                                "group_offsets WHERE group_id = ? ORDER BY log, partition");
    statement.bind(1, group);
    while (statement.executeStep()) {
      offsets.push_back({.log = statement.getColumn(0).getString(),
                         .partition = statement.getColumn(1).getInt(),
                         .offset = statement.getColumn(2).getInt64(),
                         .leader_epoch = statement.getColumn(3).getInt(),
                         .metadata = statement.getColumn(4).getString(),
                         .committed_at = statement.getColumn(5).getInt64()});
    }
    return offsets;
  });
}

Result<> Catalog::put_group_offsets(const std::string& group, const std::vector<GroupOffset>& offsets,
                                    GroupWriter writer) {
  for (const GroupOffset& offset : offsets) {
    if (offset.metadata.size() > max_metadata_size) {
      return fail(Errc::invalid_argument, "group " + group + ": the metadata for " + offset.log + "-" +
                                              std::to_string(offset.partition) + " is over " +
                                              std::to_string(max_metadata_size) + " bytes");
    }
  }
  return state_->with_database("write group " + group, [&](SQLite::Database& db) -> Result<> {
    if (auto checked = state_->check_writer(group, writer); !checked) return checked;
    SQLite::Transaction transaction(db);
    SQLite::Statement statement(db, "INSERT OR REPLACE INTO group_offsets VALUES (?,?,?,?,?,?,?)");
    for (const GroupOffset& offset : offsets) {
      statement.bind(1, group);
      bind_partition(statement, 2, offset.log, offset.partition);
      statement.bind(4, offset.offset);
      statement.bind(5, offset.leader_epoch);
      statement.bind(6, offset.metadata);
      statement.bind(7, offset.committed_at);
      statement.exec();
      statement.reset();
    }
    BITACORA_FAILPOINT("catalog.group_written");
    transaction.commit();
    BITACORA_FAILPOINT("catalog.group_committed");
    return {};
  });
}

void Catalog::claim_group(const std::string& group) {
  const std::scoped_lock lock(state_->mutex);
  state_->claimed.insert(group);
}

void Catalog::release_group(const std::string& group) {
  const std::scoped_lock lock(state_->mutex);
  state_->claimed.erase(group);
}

Result<> Catalog::remove_group(const std::string& group, GroupWriter writer) {
  return state_->with_database("remove group " + group, [&](SQLite::Database& db) -> Result<> {
    if (auto checked = state_->check_writer(group, writer); !checked) return checked;
    SQLite::Statement statement(db, "DELETE FROM group_offsets WHERE group_id = ?");
    statement.bind(1, group);
    if (statement.exec() == 0) return fail(Errc::not_found, "there is no group named " + group);
    return {};
  });
}

Result<std::optional<Snapshot>> Catalog::snapshot(const std::string& name) const {
  return state_->with_database("read snapshot " + name, [&](SQLite::Database& db) -> Result<std::optional<Snapshot>> {
    SQLite::Transaction one_state(db);
    SQLite::Statement content(db, "SELECT crc32c, bytes FROM snapshots WHERE name = ?");
    content.bind(1, name);
    if (!content.executeStep()) return std::nullopt;
    const SQLite::Column blob = content.getColumn(1);
    const ByteView bytes(static_cast<const std::byte*>(blob.getBlob()), static_cast<std::size_t>(blob.getBytes()));
    if (crc32c(bytes) != content.getColumn(0).getInt64()) {
      return fail(Errc::corrupt, "catalog " + state_->path + ": snapshot " + name + " does not pass its checksum");
    }
    Snapshot snapshot;
    snapshot.bytes.assign(bytes.begin(), bytes.end());
    SQLite::Statement offsets(db, "SELECT log, partition, upto FROM snapshot_offsets WHERE name = ?");
    offsets.bind(1, name);
    while (offsets.executeStep()) {
      snapshot.upto.emplace(std::pair(offsets.getColumn(0).getString(), offsets.getColumn(1).getInt()),
                            offsets.getColumn(2).getInt64());
    }
    return snapshot;
  });
}

Result<> Catalog::put_snapshot(const std::string& name, const Snapshot& snapshot) {
  if (snapshot.bytes.size() > max_snapshot_size) {
    return fail(Errc::too_large, "snapshot " + name + " has " + std::to_string(snapshot.bytes.size()) +
                                     " bytes; at most " + std::to_string(max_snapshot_size) + " can be stored");
  }
  return state_->with_database("write snapshot " + name, [&](SQLite::Database& db) -> Result<> {
    SQLite::Transaction transaction(db);
    SQLite::Statement content(db, "INSERT OR REPLACE INTO snapshots VALUES (?,?,?)");
    content.bind(1, name);
    content.bind(2, std::int64_t{crc32c(snapshot.bytes)});
    // An empty vector may have a null pointer, which SQLite would take for NULL.
    const void* bytes = snapshot.bytes.empty() ? static_cast<const void*>("") : snapshot.bytes.data();
    content.bindNoCopy(3, bytes, static_cast<int>(snapshot.bytes.size()));
    content.exec();
    SQLite::Statement clear(db, "DELETE FROM snapshot_offsets WHERE name = ?");
    clear.bind(1, name);
    clear.exec();
    SQLite::Statement offsets(db, "INSERT INTO snapshot_offsets VALUES (?,?,?,?)");
    for (const auto& [partition, upto] : snapshot.upto) {
      offsets.bind(1, name);
      bind_partition(offsets, 2, partition.first, partition.second);
      offsets.bind(4, upto);
      offsets.exec();
      offsets.reset();
    }
    transaction.commit();
    return {};
  });
}

}  // namespace bitacora::storage
