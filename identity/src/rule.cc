#include "identity/rule.h"

#include <algorithm>

namespace bitacora::identity {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool add(Actions& actions, std::string_view word) {
  const auto take = [&](const Actions& more) {
    actions.publish |= more.publish;
    actions.subscribe |= more.subscribe;
    actions.replay |= more.replay;
    actions.administer |= more.administer;
    return true;
  };
  if (word == "publish") return take({.publish = true});
  if (word == "subscribe") return take({.subscribe = true});
  if (word == "replay") return take({.replay = true});
  if (word == "administer") return take({.administer = true});
  if (word == "read") return take(reading);
  if (word == "all") return take(all_actions);
  return false;
}

}  // namespace

std::optional<Whom> parse_whom(std::string_view text) {
  if (text == "everyone") return Whom{Audience::everyone, {}};
  if (text == "anonymous") return Whom{Audience::anonymous, {}};
  for (const auto& [prefix, audience] : {std::pair<std::string_view, Audience>{"user:", Audience::user},
                                         std::pair<std::string_view, Audience>{"group:", Audience::group}}) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) {
      return Whom{audience, std::string(text.substr(prefix.size()))};
    }
  }
  return std::nullopt;
}

std::string format_whom(const Whom& whom) {
  switch (whom.audience) {
    case Audience::everyone: return "everyone";
    case Audience::anonymous: return "anonymous";
    case Audience::user: return "user:" + whom.name;
    case Audience::group: return "group:" + whom.name;
  }
  return {};
}

std::optional<Actions> parse_actions(std::string_view text) {
  Actions actions;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (!add(actions, trimmed(text.substr(0, comma)))) return std::nullopt;
    if (comma == text.size()) return actions;
    text.remove_prefix(comma + 1);
  }
}

std::string format_actions(const Actions& actions) {
  if (actions == all_actions) return "all";
  std::string text;
  for (const Action action : {Action::publish, Action::subscribe, Action::replay, Action::administer}) {
    if (!actions.has(action)) continue;
    if (!text.empty()) text += ", ";
    text += name_of(action);
  }
  return text;
}

std::string_view name_of(Action action) noexcept {
  switch (action) {
    case Action::publish: return "publish";
    case Action::subscribe: return "subscribe";
    case Action::replay: return "replay";
    case Action::administer: return "administer";
  }
  return {};
}

}  // namespace bitacora::identity
