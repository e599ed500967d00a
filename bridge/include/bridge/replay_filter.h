// The filters of a SUBSCRIBE that ask for history (docs/replay.md):
//
//   $replay/<from>/<topic filter>        every log the filter can match, from <from>, then live
//   $log/<log>/<partition>/<from>        one partition, all topics, from <from>, then live
//   $stream/<log>[/<topic filter>]       one log; <from> is a User Property of the SUBSCRIBE, as EMQX spells it
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
#include "mqtt/properties.h"

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
struct ReplayOfLog {
  std::string_view log;
  std::string_view filter;  // "#" where none was given
};
struct LiveFilter {};  // an ordinary topic filter

using SubscriptionTarget = std::variant<LiveFilter, ReplayByFilter, ReplayOfPartition, ReplayOfLog>;

// `filter` is a valid topic filter. Views point into it. The error is for a person.
[[nodiscard]] bitacora::Result<SubscriptionTarget, std::string> parse_subscription_target(std::string_view filter);

// Where a $stream begins: the User Property "offset" or "stream-offset", whichever comes first; without one (and before
// 5.0 there is none) at the end, with what is new. The error is for a person.
[[nodiscard]] bitacora::Result<StartPosition, std::string> start_of_stream(const mqtt::Properties& of_subscribe);

}  // namespace bitacora::bridge
