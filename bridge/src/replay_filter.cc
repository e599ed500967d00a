#include "bridge/replay_filter.h"

#include <charconv>

#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

using Parsed = bitacora::Result<SubscriptionTarget, std::string>;

tl::unexpected<std::string> wrong(std::string_view filter, std::string_view why) {
  return tl::unexpected<std::string>("filter \"" + std::string(filter) + "\": " + std::string(why));
}

Parsed parse_replay(std::string_view filter, std::string_view rest) {
  const std::string_view from_text = mqtt::take_level(rest);
  if (rest.data() == nullptr || rest.empty()) return wrong(filter, "expected $replay/<from>/<topic filter>");
  auto from = parse_start_position(from_text);
  if (!from) return wrong(filter, from.error());
  if (std::holds_alternative<AtOffset>(*from)) {
    return wrong(filter, "an offset belongs to one partition: use $log/<log>/<partition>/<offset>");
  }
  return SubscriptionTarget(ReplayByFilter{*from, rest});
}

Parsed parse_log(std::string_view filter, std::string_view rest) {
  const std::string_view log = mqtt::take_level(rest);
  const std::string_view number = rest.data() ? mqtt::take_level(rest) : std::string_view();
  if (rest.data() == nullptr || log.empty()) return wrong(filter, "expected $log/<log>/<partition>/<offset or from>");
  std::int32_t partition = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), partition);
  if (error != std::errc() || end != number.data() + number.size() || partition < 0) {
    return wrong(filter, "the partition must be a number from 0");
  }
  auto from = parse_start_position(rest);
  if (!from) return wrong(filter, from.error());
  return SubscriptionTarget(ReplayOfPartition{log, partition, *from});
}

Parsed parse_stream(std::string_view filter, std::string_view rest) {
  const std::string_view log = mqtt::take_level(rest);
  const bool has_filter = rest.data() != nullptr;
  if (log.empty() || (has_filter && rest.empty())) {
    return wrong(filter, "expected $stream/<log> or $stream/<log>/<topic filter>");
  }
  return SubscriptionTarget(ReplayOfLog{log, has_filter ? rest : std::string_view("#")});
}

}  // namespace

Parsed parse_subscription_target(std::string_view filter) {
  std::string_view rest = filter;
  const std::string_view first = mqtt::take_level(rest);
  if (first == "$replay") return parse_replay(filter, rest.data() ? rest : std::string_view(""));
  if (first == "$log") return parse_log(filter, rest.data() ? rest : std::string_view(""));
  if (first == "$stream") return parse_stream(filter, rest.data() ? rest : std::string_view(""));
  return SubscriptionTarget(LiveFilter{});
}

bitacora::Result<StartPosition, std::string> start_of_stream(const mqtt::Properties& of_subscribe) {
  for (const mqtt::UserProperty& property : of_subscribe.user_properties) {
    if (property.name == "offset" || property.name == "stream-offset") return parse_start_position(property.value);
  }
  return StartPosition(Latest{});
}

}  // namespace bitacora::bridge
