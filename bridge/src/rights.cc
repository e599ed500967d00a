#include "bridge/rights.h"

#include <algorithm>

#include "bridge/replay_filter.h"
#include "mqtt/topic.h"

namespace bitacora::bridge {
namespace {

using identity::Action;
using identity::Audience;
using identity::Effect;
using identity::Principal;
using identity::Rule;

bool is_one_level(std::string_view text) { return !text.empty() && text.find_first_of("+#/") == std::string::npos; }

struct Substituted {
  std::string filter;
  // Where a value stood that cannot be one level: `filter` ends in front of that level.
  bool ends_early = false;
};

Substituted substitute(std::string_view filter, std::string_view user, std::string_view client_id) {
  Substituted result;
  std::size_t level = 0;  // where the level that is being written begins
  for (std::size_t i = 0; i < filter.size(); ++i) {
    const std::string_view placeholder = filter.substr(i, 2);
    if (placeholder == "%c" || placeholder == "%u") {
      const std::string_view value = placeholder == "%c" ? client_id : user;
      const bool hides = result.filter.empty() && value.starts_with('$');
      if (!is_one_level(value) || hides) {
        result.filter.resize(level);
        result.ends_early = true;
        return result;
      }
      result.filter += value;
      ++i;
      continue;
    }
    result.filter += filter[i];
    if (filter[i] == '/') level = result.filter.size();
  }
  return result;
}

// Whether everything that `inner` matches is matched by `outer` too, both valid filters.
bool covers(std::string_view outer, std::string_view inner) {
  if (inner.starts_with('$') && (outer.starts_with('+') || outer.starts_with('#'))) return false;
  while (outer.data() != nullptr && inner.data() != nullptr) {
    const std::string_view wanted = mqtt::take_level(outer);
    if (wanted == "#") return true;
    const std::string_view level = mqtt::take_level(inner);
    if (level == "#") return false;
    if (wanted != "+" && wanted != level) return false;
  }
  if (inner.data() != nullptr) return false;
  return outer.data() == nullptr || outer == "#";
}

bool is_about(const Rule& rule, const Principal& principal, const AccessSettings& access) {
  switch (rule.audience) {
    case Audience::everyone: return true;
    case Audience::anonymous: return principal.anonymous();
    case Audience::user: return !principal.anonymous() && rule.name == principal.user;
    case Audience::group: break;
  }
  if (principal.anonymous()) return false;
  if (std::ranges::find(principal.groups, rule.name) != principal.groups.end()) return true;
  const auto groups = access.groups.find(principal.user);
  return groups != access.groups.end() && std::ranges::find(groups->second, rule.name) != groups->second.end();
}

// Behind "$share/<group>/" and "$group/<group>/": the topic filter. An empty one cannot be asked for.
std::string_view behind_group(std::string_view filter) {
  (void)mqtt::take_level(filter);
  (void)mqtt::take_level(filter);
  return filter;
}

}  // namespace

Rights::Rights(const AccessSettings& access, const Principal& principal, std::string_view client_id)
    : otherwise_(access.otherwise) {
  if (principal.own_rules) {
    otherwise_ = Effect::deny;
    for (const Rule& rule : *principal.own_rules) add(rule, principal.user, client_id);
  } else {
    for (const Rule& rule : access.rules) {
      if (is_about(rule, principal, access)) add(rule, principal.user, client_id);
    }
  }
  unlimited_ = lines_.empty() && otherwise_ == Effect::allow;
}

void Rights::add(const Rule& rule, std::string_view user, std::string_view client_id) {
  if (rule.substitution == identity::Substitution::none) {
    lines_.push_back({rule.effect, rule.actions, rule.filter});
    return;
  }
  Substituted line = substitute(rule.filter, user, client_id);
  if (line.ends_early) {
    if (rule.effect == Effect::allow) return;
    line.filter += '#';
  }
  lines_.push_back({rule.effect, rule.actions, std::move(line.filter)});
}

bool Rights::may(Action action, std::string_view topic) const {
  if (unlimited_) return true;
  bool allowed = otherwise_ == Effect::allow;
  for (const Line& line : lines_) {
    if (!line.actions.has(action) || (allowed && line.effect == Effect::allow)) continue;
    if (!mqtt::matches(line.filter, topic)) continue;
    if (line.effect == Effect::deny) return false;
    allowed = true;
  }
  return allowed;
}

bool Rights::may_ask_for(Action action, std::string_view filter) const {
  if (unlimited_) return true;
  if (!mqtt::is_valid_topic_filter(filter)) return false;
  const auto denied = [&](std::string_view part) {
    return std::ranges::any_of(lines_, [&](const Line& line) {
      return line.effect == Effect::deny && line.actions.has(action) && covers(line.filter, part);
    });
  };
  if (denied(filter)) return false;
  if (otherwise_ == Effect::allow) return true;
  return std::ranges::any_of(lines_, [&](const Line& line) {
    return line.effect == Effect::allow && line.actions.has(action) && mqtt::overlap(line.filter, filter) &&
           !denied(line.filter);
  });
}

bool Rights::denies(Action action, std::string_view topic) const {
  return std::ranges::any_of(lines_, [&](const Line& line) {
    return line.effect == Effect::deny && line.actions.has(action) && mqtt::matches(line.filter, topic);
  });
}

bool Rights::may_everything(Action action) const {
  if (unlimited_) return true;
  bool allowed = otherwise_ == Effect::allow;
  for (const Line& line : lines_) {
    if (!line.actions.has(action)) continue;
    if (line.effect == Effect::deny) return false;
    allowed |= line.filter == "#";
  }
  return allowed;
}

bool Rights::may_subscribe(std::string_view filter) const {
  if (unlimited_) return true;
  if (filter.starts_with("$share/") || filter.starts_with("$group/")) {
    return may_ask_for(Action::subscribe, behind_group(filter));
  }
  const auto target = parse_subscription_target(filter);
  if (!target) return true;  // no filter at all: refused as such
  if (const auto* replay = std::get_if<ReplayByFilter>(&*target)) return may_ask_for(Action::replay, replay->filter);
  if (const auto* stream = std::get_if<ReplayOfLog>(&*target)) return may_ask_for(Action::replay, stream->filter);
  if (std::holds_alternative<ReplayOfPartition>(*target)) return may_ask_for(Action::replay, "#");
  return may_ask_for(Action::subscribe, filter);
}

}  // namespace bitacora::bridge
