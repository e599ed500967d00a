// The filters of a SUBSCRIBE that make its session a member of a group (docs/groups.md):
//
//   $share/<group>/<topic filter>            every message to one member, as MQTT 5.0 §4.8.2 has it
//   $group/<group>[@<from>]/<topic filter>   members own partitions, as Kafka has it
//
// <from> is start_position.h's grammar without a plain offset: where a group begins that has no position yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bridge/start_position.h"

namespace bitacora::bridge {

enum class GroupKind : std::uint8_t { share, partitioned };

struct GroupFilter {
  GroupKind kind = GroupKind::share;
  std::string_view group;
  std::string_view topic_filter;
  std::optional<StartPosition> from;  // partitioned only
};

inline constexpr std::size_t max_group_name_size = 255;  // bytes

// nullopt: the filter is of another kind. Views point into `filter`. The error is for a person.
[[nodiscard]] bitacora::Result<std::optional<GroupFilter>, std::string> parse_group_filter(std::string_view filter);

// What the group is called in the catalog, at every door: "g" for $group/g/..., the whole filter for $share, since
// there another filter is another group (MQTT 5.0 §4.8.2).
[[nodiscard]] std::string catalog_name(const GroupFilter& filter);

}  // namespace bitacora::bridge
