// The names of files and directories below a data directory: docs/storage-format.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/offset.h"

namespace bitacora::storage {

inline constexpr std::string_view log_suffix = ".log";
inline constexpr std::string_view index_suffix = ".index";
inline constexpr std::string_view time_index_suffix = ".timeindex";
inline constexpr std::string_view key_index_suffix = ".keyindex";
// All files of a segment, in the order in which they are removed: the one that makes it a segment goes last.
inline constexpr std::array<std::string_view, 4> segment_suffixes{index_suffix, time_index_suffix, key_index_suffix,
                                                                  log_suffix};
// Behind log_suffix: built, not yet renamed into place.
inline constexpr std::string_view unfinished_suffix = ".new";   // what goes on for a poisoned segment
inline constexpr std::string_view cleaned_suffix = ".cleaned";  // what compaction made
// Behind log_suffix, with a number: what recovery cut off, kept for a person.
inline constexpr std::string_view torn_suffix = ".torn-";

inline constexpr std::string_view epochs_file = "leader-epoch-checkpoint";
inline constexpr std::string_view compaction_file = "compaction-checkpoint";
inline constexpr std::string_view metadata_file = "partition.metadata";
inline constexpr std::string_view clean_shutdown_file = "clean-shutdown";
inline constexpr std::string_view format_version_file = "format-version";
inline constexpr std::string_view lock_file = ".lock";
inline constexpr std::string_view ballast_file = "ballast";  // see ballast.h

[[nodiscard]] std::string join(std::string_view directory, std::string_view name);

// 20 digits: the name of a segment's files without their suffix. `base` >= 0.
[[nodiscard]] std::string segment_stem(Offset base);
// The base offset if `name` is 20 digits and then exactly `suffix`.
[[nodiscard]] std::optional<Offset> parse_segment_name(std::string_view name, std::string_view suffix);

[[nodiscard]] std::string partition_directory(std::string_view log, std::int32_t number);

struct PartitionName {
  std::string log;
  std::int32_t number = 0;
};
// nullopt unless it is `<legal log name>-<number without leading zeros>`.
[[nodiscard]] std::optional<PartitionName> parse_partition_directory(std::string_view name);

}  // namespace bitacora::storage
