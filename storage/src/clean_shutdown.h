// The mark that a clean stop leaves: where each partition ended. docs/storage-format.md, "Small files".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "storage/offset.h"

namespace bitacora::storage {

struct CleanPartition {
  std::size_t segments = 0;
  Offset active_base = 0;
  std::uint64_t active_size = 0;  // bytes
  Offset end = 0;
  std::optional<Timestamp> max_timestamp;
  friend bool operator==(const CleanPartition&, const CleanPartition&) = default;
};

using CleanShutdown = std::map<std::string, CleanPartition, std::less<>>;  // by directory name

[[nodiscard]] std::string format_clean_shutdown(const CleanShutdown& mark);
// nullopt if `text` does not pass its check.
[[nodiscard]] std::optional<CleanShutdown> parse_clean_shutdown(std::string_view text);

}  // namespace bitacora::storage
