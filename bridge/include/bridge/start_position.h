// Where a reader wants to start: the `<from>` of `$replay/<from>/<filter>`, the `offset` of the HTTP door and the
// `--from` of the command line are one grammar:
//
//   earliest | latest | 1234 (an offset) | -90s | -15m | -1h | -7d (that long ago)
//   @2026-11-23T08:00:00Z (RFC 3339; without a zone: UTC) | @1700000000000 (ms since the epoch)
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "storage/partition.h"

namespace bitacora::bridge {

struct Earliest {
  friend bool operator==(Earliest, Earliest) = default;
};
struct Latest {
  friend bool operator==(Latest, Latest) = default;
};
struct AtOffset {
  storage::Offset offset = 0;
  friend bool operator==(AtOffset, AtOffset) = default;
};
struct TimeAgo {
  std::chrono::milliseconds ago{0};
  friend bool operator==(TimeAgo, TimeAgo) = default;
};
struct AtTime {
  Timestamp timestamp = 0;
  friend bool operator==(AtTime, AtTime) = default;
};
using StartPosition = std::variant<Earliest, Latest, AtOffset, TimeAgo, AtTime>;

// The error says what was wrong and what is possible.
[[nodiscard]] bitacora::Result<StartPosition, std::string> parse_start_position(std::string_view text);

// The offset to start at. Earliest: the log start. Latest: the committed offset. A time: the first record at or after
// it, the committed offset if there is none. AtOffset is given back unchecked.
[[nodiscard]] storage::Result<storage::Offset> resolve(const StartPosition& from, const storage::Partition& partition,
                                                       Timestamp now_ms);

}  // namespace bitacora::bridge
