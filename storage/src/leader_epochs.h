// Which leader epoch began at which offset: `leader-epoch-checkpoint`. An epoch begins at each start that did not
// follow a clean shutdown. It tells bytes of an earlier life from those of this one, and its start offset proves that
// everything below was durable when it began.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/offset.h"

namespace bitacora::storage {

class LeaderEpochs {
 public:
  static constexpr std::int32_t unknown = -1;
  static constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

  // nullopt if `text` is not a well-formed checkpoint with rising epochs and offsets.
  [[nodiscard]] static std::optional<LeaderEpochs> parse(std::string_view text);
  [[nodiscard]] std::string format() const;

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  // The epoch that a batch at `offset` must carry; unknown below the first entry.
  [[nodiscard]] std::int32_t at(Offset offset) const noexcept;
  [[nodiscard]] std::int32_t latest() const noexcept;  // unknown when empty
  [[nodiscard]] Offset latest_start() const noexcept;  // 0 when empty

  // `epoch` > latest(). Entries that begin at or past `start` are replaced: no batch can carry them.
  void begin(std::int32_t epoch, Offset start);
  // Drops what only batches below `log_start` carried.
  void forget_before(Offset log_start);

 private:
  struct Entry {
    std::int32_t epoch;
    Offset start;
  };
  std::vector<Entry> entries_;
};

}  // namespace bitacora::storage
