// Who may come in and do what, as the configuration, the password file and the acl_file say together. A plain value, a
// part of BrokerSettings: changing it changes every session at once.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/connection_origin.h"
#include "identity/principal.h"
#include "identity/rule.h"

namespace bitacora::bridge {

enum class Anonymous : std::uint8_t { refused, allowed };
enum class NameChecks : std::uint8_t {
  none,   // nobody is asked for a password: a name in CONNECT means nothing, its client is anonymous
  asked,  // a name is believed with its password or token, or not at all
};

struct KnownUser {
  identity::Fingerprint credential = 0;  // of the password hash: another one ends what was begun with this
  std::string scram{};                   // identity/scram.h; empty: none
};

struct AccessSettings {
  NameChecks names = NameChecks::none;
  Anonymous anonymous = Anonymous::allowed;
  identity::Effect otherwise = identity::Effect::allow;  // where no rule applies; deny as soon as there are rules
  std::vector<identity::Rule> rules{};
  std::map<std::string, std::vector<std::string>, std::less<>> groups{};  // of a user
  std::map<std::string, KnownUser, std::less<>> users{};                  // of the password file
  identity::Fingerprint token_key = 0;                                    // 0: tokens are not taken
  // Of this process, unguessable: what SCRAM's nonces are made from.
  std::string secret{};

  [[nodiscard]] bool offers_scram() const;
  [[nodiscard]] bool lets_in_anonymous(AnonymousAccess of_listener) const noexcept;
  // Whether who was believed under earlier settings would be today.
  [[nodiscard]] bool still_believes(const identity::Principal& principal, AnonymousAccess of_listener) const;
};

// What is wrong with a rule's filter, for a person; nullopt if nothing is.
[[nodiscard]] std::optional<std::string> mistake_in_rule_filter(const std::string& filter);

}  // namespace bitacora::bridge
