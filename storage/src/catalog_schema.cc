#include "catalog_schema.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include <array>
#include <cstdint>

#include "storage/posix_file_system.h"

namespace bitacora::storage {
namespace {

constexpr int schema_version = 1;
constexpr std::int64_t application_id = 0x42697461;  // "Bita"
constexpr int busy_timeout_ms = 5000;

// The CHECKs are for quick_check, which holds every row to them: a damaged setting is found at the start.
constexpr const char* schema = R"sql(
CREATE TABLE logs (
  name TEXT PRIMARY KEY,
  topic_id TEXT NOT NULL,
  partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
  durability TEXT NOT NULL CHECK (durability IN ('sync', 'async', 'memory')),
  cleanup TEXT NOT NULL CHECK (cleanup IN ('delete', 'compact')),
  segment_bytes INTEGER NOT NULL,
  segment_age_ms INTEGER NOT NULL,
  retention_bytes INTEGER,
  retention_time_ms INTEGER,
  max_batch_bytes INTEGER NOT NULL,
  flush_interval_ms INTEGER NOT NULL,
  memory_bytes INTEGER NOT NULL,
  delete_retention_ms INTEGER NOT NULL,
  min_cleanable_ratio REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE log_starts (
  log TEXT, partition INTEGER, log_start INTEGER NOT NULL,
  PRIMARY KEY (log, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE offset_reservations (
  log TEXT, partition INTEGER, upto INTEGER NOT NULL,
  PRIMARY KEY (log, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_offsets (
  group_id TEXT, log TEXT, partition INTEGER,
  next_offset INTEGER NOT NULL,
  leader_epoch INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  committed_at INTEGER NOT NULL,
  PRIMARY KEY (group_id, log, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
  name TEXT PRIMARY KEY,
  crc32c INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE TABLE snapshot_offsets (
  name TEXT, log TEXT, partition INTEGER, upto INTEGER NOT NULL,
  PRIMARY KEY (name, log, partition)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array tables{"logs",          "log_starts", "offset_reservations",
                            "group_offsets", "snapshots",  "snapshot_offsets"};

std::int64_t number_of(SQLite::Database& database, const char* query) { return database.execAndGet(query).getInt64(); }

bool is_empty(SQLite::Database& database) {
  return number_of(database, "SELECT count(*) FROM sqlite_master") == 0 &&
         number_of(database, "PRAGMA user_version") == 0;
}

void create_tables(SQLite::Database& database) {
  SQLite::Transaction transaction(database);
  database.exec(schema);
  database.exec("PRAGMA application_id = " + std::to_string(application_id));
  database.exec("PRAGMA user_version = " + std::to_string(schema_version));
  transaction.commit();
}

// As a name SQLite takes for a file and nothing else: "file:x" and "" would mean something to it.
std::string plain_name(const std::string& path) {
  return path == ":memory:" || path.starts_with('/') ? path : "./" + path;
}

// "file:" with every byte escaped that a URI might give a meaning to.
std::string uri_of(const std::string& path, std::string_view query) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : plain_name(path)) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.') {
      uri += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return uri.append("?").append(query);
}

Errc errc_of_sqlite(const SQLite::Exception& exception) {
  switch (exception.getErrorCode() & 0xff) {
    // All our statements are fixed, so one that SQLite does not understand meets a schema that is not what we wrote.
    // The other use of this code is for a number in the header that only a newer SQLite would have put there.
    case SQLITE_ERROR:
      return std::string_view(exception.what()) == "unsupported file format" ? Errc::unsupported_format : Errc::corrupt;
    case SQLITE_FULL: return Errc::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Errc::locked;
    case SQLITE_TOOBIG: return Errc::too_large;
    default: return Errc::io_error;
  }
}

Result<CatalogContent> check_tables(const std::string& path, SQLite::Database& database) {
  for (const char* table : tables) {
    if (!database.tableExists(table)) {
      return fail(Errc::corrupt, "catalog " + path + ": the table " + table + " is missing");
    }
  }
  const std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
  if (verdict != "ok") return fail(Errc::corrupt, "catalog " + path + ": " + verdict);
  return CatalogContent::sound;
}

}  // namespace

Failed fail_catalog(const std::string& path, std::string_view doing, const SQLite::Exception& exception) {
  std::string message = "catalog " + path + ": ";
  message.append(doing).append(": ").append(exception.what());
  return fail(errc_of_sqlite(exception), std::move(message));
}

Result<std::unique_ptr<SQLite::Database>> connect_catalog(const std::string& path) {
  try {
    auto database = std::make_unique<SQLite::Database>(plain_name(path), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                       busy_timeout_ms);
    // Answers "memory" for a database in memory, which has no journal mode to choose.
    const std::string mode = database->execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal" && path != ":memory:") {
      return fail(Errc::io_error, "catalog " + path + ": this file system cannot do SQLite's WAL mode");
    }
    // SQLite opens what it cannot write for reading alone, and says nothing.
    if (sqlite3_db_readonly(database->getHandle(), "main") == 1) {
      return fail(Errc::io_error, "catalog " + path +
                                      ": it can be read but not written; see to its permissions, or to a newer SQLite "
                                      "that wrote it");
    }
#ifdef BITACORA_BREAK_SQLITE_NORMAL  // a defect for the rigs (docs/proof.md)
    database->exec("PRAGMA synchronous = NORMAL");
#else
    database->exec("PRAGMA synchronous = FULL");
#endif
    if (is_empty(*database)) create_tables(*database);
    return database;
  } catch (const SQLite::Exception& exception) {
    return fail_catalog(path, "open", exception);
  }
}

Result<std::unique_ptr<SQLite::Database>> connect_catalog_read_only(const std::string& path) {
  const auto fs = make_posix_file_system();
  const auto has_wal = fs->exists(path + "-wal");
  if (!has_wal) return Failed(has_wal.error());
  // Without a WAL no writer has the file open, and SQLite may read it without locks and files of its own. With one,
  // what was committed last is only there.
  const std::string uri = uri_of(path, *has_wal ? "mode=ro" : "mode=ro&immutable=1");
  try {
    return std::make_unique<SQLite::Database>(uri, SQLite::OPEN_READONLY | SQLite::OPEN_URI, busy_timeout_ms);
  } catch (const SQLite::Exception& exception) {
    return fail_catalog(path, "open", exception);
  }
}

Result<CatalogContent> check_catalog(const std::string& path, SQLite::Database& database) {
  try {
    if (is_empty(database)) return CatalogContent::none;
    if (number_of(database, "PRAGMA application_id") != application_id) {
      return fail(Errc::unsupported_format, "catalog " + path +
                                                ": this is another program's SQLite database; it was not changed. Give "
                                                "another data directory, or move the file away");
    }
    const std::int64_t version = number_of(database, "PRAGMA user_version");
    if (version != schema_version) {
      return fail(Errc::unsupported_format,
                  "catalog " + path + ": it has schema version " + std::to_string(version) + ", this program knows " +
                      std::to_string(schema_version) +
                      "; it was not changed. Start the version that wrote it, or a newer one");
    }
    return check_tables(path, database);
  } catch (const SQLite::Exception& exception) {
    return fail_catalog(path, "check", exception);
  }
}

}  // namespace bitacora::storage
