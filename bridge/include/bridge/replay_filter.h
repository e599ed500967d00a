// The filters of a SUBSCRIBE that ask for history (docs/replay.md):
//
//   $replay/<from>/<topic filter>        every log the filter can match, from <from>, then live
//   $log/<log>/<partition>/<from>        one partition, all topics, from <from>, then live
//
// <from> is start_position.h's grammar; $replay takes no plain offset, since an offset means nothing over several
// partitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "bridge/start_position.h"

namespace bitacora::bridge {

struct ReplayByFilter {
  StartPosition from;
  std::string_view filter;
};
struct ReplayOfPartition {
  std::string_view log;
  std::int32_t partition = 0;
  StartPosition from;
};
struct LiveFilter {};  // an ordinary topic filter

using SubscriptionTarget = std::variant<LiveFilter, ReplayByFilter, ReplayOfPartition>;

// `filter` is a valid topic filter. Views point into it. The error is for a person.
[[nodiscard]] bitacora::Result<SubscriptionTarget, std::string> parse_subscription_target(std::string_view filter);

}  // namespace bitacora::bridge
