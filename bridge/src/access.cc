#include "bridge/access.h"

#include <algorithm>

#include "mqtt/topic.h"

namespace bitacora::bridge {

using identity::Principal;

bool AccessSettings::offers_scram() const {
  return !secret.empty() && std::ranges::any_of(users, [](const auto& user) { return !user.second.scram.empty(); });
}

bool AccessSettings::lets_in_anonymous(AnonymousAccess of_listener) const noexcept {
  switch (of_listener) {
    case AnonymousAccess::refused: return false;
    case AnonymousAccess::allowed: return true;
    case AnonymousAccess::as_the_server_says: break;
  }
  return anonymous == Anonymous::allowed;
}

bool AccessSettings::still_believes(const Principal& principal, AnonymousAccess of_listener) const {
  switch (principal.source) {
    case Principal::Source::none: return lets_in_anonymous(of_listener);
    case Principal::Source::password: {
      const auto known = users.find(principal.user);
      return known != users.end() && known->second.credential == principal.credential;
    }
    case Principal::Source::token: return token_key == principal.credential;
    case Principal::Source::certificate: return true;
  }
  return false;
}

std::optional<std::string> mistake_in_rule_filter(const std::string& filter) {
  if (mqtt::is_valid_topic_filter(filter)) return std::nullopt;
  return "a topic filter has # alone in its last level and + alone in a level; %c and %u stand for the client id and "
         "the "
         "user name";
}

}  // namespace bitacora::bridge
