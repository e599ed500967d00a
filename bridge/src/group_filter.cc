#include "bridge/group_filter.h"

#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

using Parsed = bitacora::Result<std::optional<GroupFilter>, std::string>;

tl::unexpected<std::string> wrong(std::string_view filter, std::string_view why) {
  return tl::unexpected<std::string>("filter \"" + std::string(filter) + "\": " + std::string(why));
}

}  // namespace

Parsed parse_group_filter(std::string_view filter) {
  std::string_view rest = filter;
  const std::string_view first = mqtt::take_level(rest);
  const bool share = first == "$share";
  if (!share && first != "$group") return std::nullopt;
  GroupFilter parsed;
  parsed.kind = share ? GroupKind::share : GroupKind::partitioned;
  if (rest.data() != nullptr) parsed.group = mqtt::take_level(rest);
  if (rest.data() == nullptr) {  // [MQTT-4.8.2-2]
    return wrong(filter, share ? "expected $share/<group>/<topic filter>" : "expected $group/<group>/<topic filter>");
  }
  if (const std::size_t at = parsed.group.find('@'); !share && at != std::string_view::npos) {
    auto from = parse_start_position(parsed.group.substr(at + 1));
    if (!from) return wrong(filter, from.error());
    if (std::holds_alternative<AtOffset>(*from)) {
      return wrong(filter, "an offset belongs to one partition: begin at earliest, latest or a time");
    }
    parsed.from = *from;
    parsed.group = parsed.group.substr(0, at);
  }
  if (parsed.group.empty()) return wrong(filter, "the group has no name");  // [MQTT-4.8.2-1]
  if (parsed.group.size() > max_group_name_size) return wrong(filter, "the group's name is over 255 bytes");
  if (parsed.group.find_first_of("+#") != std::string_view::npos) {  // [MQTT-4.8.2-2]
    return wrong(filter, "a group's name has no + or #");
  }
  parsed.topic_filter = rest;
  if (!mqtt::is_valid_topic_filter(rest)) return wrong(filter, "what follows the group is no topic filter");
  if (rest.front() == '$') return wrong(filter, "topics that begin with $ are in no log, so no group reads them");
  return parsed;
}

std::string catalog_name(const GroupFilter& filter) {
  if (filter.kind == GroupKind::partitioned) return std::string(filter.group);
  std::string name = "$share/";
  return name.append(filter.group).append("/").append(filter.topic_filter);
}

}  // namespace bitacora::bridge
