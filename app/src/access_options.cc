#include "access_options.h"

#include <array>

#include "bridge/access.h"

namespace bitacora::app {
namespace {

constexpr std::array<std::string_view, 3> jwt_algorithm_names{"HS256", "RS256", "ES256"};
constexpr std::array<std::string_view, 2> effect_names{"allow", "deny"};
constexpr std::string_view whom_words = "\"everyone\", \"anonymous\", \"user:NAME\" or \"group:NAME\"";
constexpr std::string_view action_words =
    "\"publish\", \"subscribe\", \"replay\", \"read\" (the last two), \"all\", \"administer\", or several with commas "
    "between them";

TextOption optional(std::string_view expected) { return {expected, {}, Presence::optional, Emptiness::allowed}; }

void describe_auth(OptionVisitor& v, AuthConfig& auth) {
  v.text("password_file", auth.password_file, optional("a file's path, or empty"));
  v.text("acl_file", auth.acl_file, optional("a file's path, or empty"));
  v.count("threads", auth.threads, {1, 64});
  v.count("max_waiting", auth.max_waiting, {1, 100'000});
  v.count("free_failures", auth.failed.free, {0, 1'000'000});
  v.duration("failure_delay", auth.failed.first_delay, std::chrono::milliseconds(0), std::chrono::minutes(1));
  v.duration("max_failure_delay", auth.failed.longest_delay, std::chrono::milliseconds(0), std::chrono::minutes(1));
  v.count("max_held_failures", auth.failed.max_held, {1, 100'000});
}

void describe_jwt(OptionVisitor& v, JwtConfig& jwt) {
  v.text("key_file", jwt.key_file, optional("a file's path, or empty"));
  v.choice("algorithm", jwt.algorithm, jwt_algorithm_names);
  v.text("audience", jwt.audience, optional("a text, or empty"));
  v.text("issuer", jwt.issuer, optional("a text, or empty"));
  v.text("user_claim", jwt.user_claim, {"a claim's name"});
  v.text("groups_claim", jwt.groups_claim, {"a claim's name"});
}

std::optional<std::string> set_whom(identity::Rule& rule, const std::string& text) {
  const auto parsed = identity::parse_whom(text);
  if (!parsed) return "write " + std::string(whom_words);
  rule.audience = parsed->audience;
  rule.name = parsed->name;
  return std::nullopt;
}

std::optional<std::string> set_actions(identity::Rule& rule, const std::string& text) {
  const auto parsed = identity::parse_actions(text);
  if (!parsed) return "write " + std::string(action_words);
  rule.actions = *parsed;
  return std::nullopt;
}

void describe_rule(OptionVisitor& v, identity::Rule& rule) {
  std::string whom = identity::format_whom({rule.audience, rule.name});
  v.text("whom", whom, {whom_words, [&](const std::string& text) { return set_whom(rule, text); }, Presence::required});
  v.choice("effect", rule.effect, effect_names);
  std::string actions = identity::format_actions(rule.actions);
  v.text("actions", actions, {action_words, [&](const std::string& text) { return set_actions(rule, text); }});
  v.text("topic", rule.filter, {"an MQTT topic filter", bridge::mistake_in_rule_filter, Presence::required});
}

void describe_user_group(OptionVisitor& v, UserGroup& group) {
  v.text("name", group.name, {"the group's name", {}, Presence::required});
  v.text_list("members", group.members);
}

}  // namespace

void describe_access(OptionVisitor& v, ServerConfig& config) {
  v.section("auth", [&] { describe_auth(v, config.auth); });
  v.section("jwt", [&] { describe_jwt(v, config.jwt); });
  v.list<identity::Rule>("rules", config.rules, [&](identity::Rule& rule) { describe_rule(v, rule); });
  v.list<UserGroup>("user_groups", config.user_groups, [&](UserGroup& group) { describe_user_group(v, group); });
}

}  // namespace bitacora::app
