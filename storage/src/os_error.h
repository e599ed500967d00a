// What an errno means to the log library: one table for the real file system and for the one in memory.
#pragma once

#include <string_view>

#include "storage/errc.h"

namespace bitacora::storage {

[[nodiscard]] Errc errc_of(int os_error) noexcept;

// The message is "<call> <path>: <strerror>", e.g. "open data/catalog.db: Permission denied".
[[nodiscard]] Failed fail_os(std::string_view call, std::string_view path, int os_error);

}  // namespace bitacora::storage
