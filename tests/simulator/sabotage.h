// What a server must not do, done by the simulated world around it: negative controls. A simulation that does not find
// these would find nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"
#include "storage/offset.h"

namespace bitacora::sim {

enum class Sabotage : std::uint8_t {
  none,
  ack_before_sync,         // a sync of a file says that it is done and has done nothing
  skip_directory_sync,     // names are never made durable
  cut_at_first_bad_batch,  // before each start every segment is cut where a batch fails its checks, whatever follows
  reuse_offsets,           // before each start a log loses its last batch
};
inline constexpr std::array<std::string_view, 5> sabotage_names{"none", "ack-before-sync", "skip-directory-sync",
                                                                "cut-at-first-bad-batch", "reuse-offsets"};
[[nodiscard]] std::optional<Sabotage> parse_sabotage(std::string_view name);

// For WorldOptions::between. Null where this sabotage needs none.
[[nodiscard]] std::unique_ptr<storage::FileSystem> make_saboteur(Sabotage sabotage, storage::FileSystem& disk);
// What is done to the files before a start.
void sabotage_before_start(Sabotage sabotage, storage::FileSystem& disk, const std::string& directory);

// A batch in a segment of a client's log that later batches prove durable.
struct SealedBatch {
  std::string path;  // of its segment
  std::string log;
  std::int32_t partition = 0;
  storage::OffsetRange offsets;
  std::uint64_t position = 0;  // bytes
  std::uint64_t size = 0;
};
// Every batch of `log` that a durable commit mark behind it in the same segment proves.
[[nodiscard]] std::vector<SealedBatch> sealed_batches(storage::FileSystem& disk, const std::string& directory,
                                                      const std::string& log);

}  // namespace bitacora::sim
