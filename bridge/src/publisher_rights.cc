#include "publisher_rights.h"

namespace bitacora::bridge {
namespace {

using identity::Action;
using identity::Principal;
using Source = Principal::Source;

constexpr std::string_view anonymous = "anonymous";
constexpr std::string_view user = "user:";
constexpr std::string_view token = "token:";
constexpr std::string_view certificate = "certificate:";

Principal principal_of(std::string_view publisher) {
  Principal principal;
  for (const auto& [prefix, source] : {std::pair{user, Source::password}, std::pair{token, Source::token},
                                       std::pair{certificate, Source::certificate}}) {
    if (!publisher.starts_with(prefix)) continue;
    principal.source = source;
    principal.user = publisher.substr(prefix.size());
  }
  return principal;
}

}  // namespace

std::string publisher_of(const Principal& principal) {
  switch (principal.source) {
    case Source::none: break;
    case Source::password: return std::string(user) + principal.user;
    case Source::token: return std::string(token) + principal.user;
    case Source::certificate: return std::string(certificate) + principal.user;
  }
  return std::string(anonymous);
}

bool PublisherRights::still_hold(const Message& message) {
  if (message.publisher.empty()) return true;
  const AccessSettings& access = context_.settings->access;
  const bool is_user = message.publisher.starts_with(user);
  if (is_user && access.names == NameChecks::asked && !access.users.contains(message.publisher.substr(user.size()))) {
    return false;  // removed
  }
  const Rights& rights = rights_of(message.publisher, message.client_id);
  if (message.publisher.starts_with(token)) return !rights.denies(Action::publish, message.topic);
  return rights.may(Action::publish, message.topic);
}

const Rights& PublisherRights::rights_of(std::string_view publisher, std::string_view client_id) {
  if (seen_ != context_.settings || known_.size() >= max_known) known_.clear();
  seen_ = context_.settings;
  std::string key = std::string(publisher) + '\0' + std::string(client_id);
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  return known_.emplace(std::move(key), Rights(seen_->access, principal_of(publisher), client_id)).first->second;
}

}  // namespace bitacora::bridge
