// How full the disk of the data directory is, held against the two marks of StoreOptions.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/file_system.h"

namespace bitacora::storage {

enum class SpaceLevel : std::uint8_t {
  enough,
  low,        // disk_warn_percent is reached: somebody should look
  exhausted,  // clients' logs take no appends (Errc::no_space): disk_stop_percent is reached, or see ballast.h
};

[[nodiscard]] std::string_view name_of(SpaceLevel) noexcept;

struct DiskSpace {
  Space space;              // all 0 if unknown
  double used_percent = 0;  // as `df` counts it, 0 .. 100; 0 if unknown
  SpaceLevel level = SpaceLevel::enough;
};

}  // namespace bitacora::storage
