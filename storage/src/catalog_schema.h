// The catalog's file: how it is opened, what tables it has, and how to tell whether a file is a sound catalog.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <memory>
#include <string>
#include <string_view>

#include "storage/errc.h"

namespace bitacora::storage {

// What an exception of SQLite's means, as "catalog <path>: <doing>: <SQLite's words>".
[[nodiscard]] Failed fail_catalog(const std::string& path, std::string_view doing, const SQLite::Exception& exception);

// Creates the file if it is missing. WAL, synchronous=FULL; makes the tables in an empty database. `path` may be
// ":memory:".
[[nodiscard]] Result<std::unique_ptr<SQLite::Database>> connect_catalog(const std::string& path);
// The file must exist; it is not changed. While no writer has it open, no file is made beside it either.
[[nodiscard]] Result<std::unique_ptr<SQLite::Database>> connect_catalog_read_only(const std::string& path);

enum class CatalogContent {
  none,   // a database without any table: a first start may have ended here
  sound,  // all tables of our schema, and SQLite finds nothing wrong
};

// Errc::corrupt: what SQLite finds wrong, or tables are missing; unsupported_format: a newer schema or another
// program's database; else what kept us from looking.
[[nodiscard]] Result<CatalogContent> check_catalog(const std::string& path, SQLite::Database& database);

}  // namespace bitacora::storage
