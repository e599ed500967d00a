// Which logs are the server's own: no client publishes to them, and no client's cursor reads them.
#pragma once

#include <string_view>

#include "storage/partition.h"

namespace bitacora::bridge {

[[nodiscard]] inline bool is_internal_log(std::string_view name) noexcept { return name.starts_with("__"); }
[[nodiscard]] inline bool is_internal(const storage::Partition& partition) noexcept {
  return is_internal_log(partition.log_name());
}

}  // namespace bitacora::bridge
