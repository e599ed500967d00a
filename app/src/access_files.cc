#include "access_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "identity/acl_file.h"
#include "identity/password_hash.h"

namespace bitacora::app {
namespace {

using identity::Verdict;
using Wrong = tl::unexpected<std::string>;

// Of no password. What a user that does not exist is compared with, so that asking takes as long.
const std::string nobodys_hash =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keSE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::string mistakes_of(const std::string& file, const identity::FileMistakes& mistakes) {
  std::string text;
  for (const auto& mistake : mistakes) {
    text += fmt::format("{}{}:{}: {}", text.empty() ? "" : "\n", file, mistake.line, mistake.message);
  }
  return text;
}

Result<std::vector<identity::User>, std::string> load_users(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return Wrong(text.error());
  auto users = identity::parse_password_file(*text);
  if (!users) return Wrong(mistakes_of(file, users.error()));
  return std::move(*users);
}

Result<std::vector<identity::Rule>, std::string> load_acl(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return Wrong(text.error());
  auto rules = identity::parse_acl_file(*text, file);
  if (!rules) return Wrong(mistakes_of(file, rules.error()));
  std::string mistakes;
  for (const identity::Rule& rule : *rules) {
    const auto mistake = bridge::mistake_in_rule_filter(rule.filter);
    if (!mistake) continue;
    mistakes += fmt::format("{}{}: \"{}\": {}", mistakes.empty() ? "" : "\n", rule.declared_in, rule.filter, *mistake);
  }
  if (!mistakes.empty()) return Wrong(std::move(mistakes));
  return std::move(*rules);
}

Result<identity::JwtKey, std::string> load_key(const JwtConfig& jwt) {
  const auto text = read_file(jwt.key_file);
  if (!text) return Wrong(text.error());
  auto key = identity::JwtKey::create(jwt.algorithm, *text);
  if (!key) return Wrong(jwt.key_file + ": " + key.error());
  return std::move(*key);
}

bool all_on_this_machine(const ServerConfig& config) {
  for (const Listener& listener : config.listeners) {
    if (!is_loopback(listener.address) && !listener.where().is_unix()) return false;
  }
  return true;
}

Verdict refused(std::string why) { return {Verdict::Answer::refused, {}, std::move(why)}; }

}  // namespace

Result<std::string, std::string> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (!stream && !stream.eof()) return Wrong(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  return text.str();
}

identity::Fingerprint fingerprint_of(const identity::User& user) {
  return identity::fingerprint_of(user.password_hash + ':' + user.scram);
}

CredentialJudge::CredentialJudge(std::vector<identity::User> users, std::optional<identity::JwtKey> key,
                                 identity::JwtTerms terms)
    : key_(std::move(key)), terms_(std::move(terms)) {
  for (identity::User& user : users) {
    std::string name = user.name;
    users_.emplace(std::move(name), std::move(user));
  }
}

Verdict CredentialJudge::judge(const identity::Credentials& credentials, Timestamp now_ms) const {
  if (key_ && identity::looks_like_jwt(credentials.password)) return judge_token(credentials.password, now_ms);
  const auto known = users_.find(credentials.user_name);
  const bool has_hash = known != users_.end() && !known->second.password_hash.empty();
  const std::string& hash = has_hash ? known->second.password_hash : nobodys_hash;
  const bool right = identity::verify_password(hash, credentials.password);
  if (!has_hash) return refused("there is no user of that name with a password");
  if (!right) return refused(fmt::format("the password of user \"{}\" is another", credentials.user_name));
  Verdict verdict{Verdict::Answer::accepted, {}, {}};
  verdict.principal.source = identity::Principal::Source::password;
  verdict.principal.user = known->first;
  verdict.principal.credential = fingerprint_of(known->second);
  return verdict;
}

Verdict CredentialJudge::judge_token(const std::string& token, Timestamp now_ms) const {
  auto principal = identity::verify_jwt(token, *key_, terms_, now_ms);
  if (!principal) return refused(principal.error());
  for (const identity::Rule& rule : principal->own_rules.value_or(std::vector<identity::Rule>())) {
    if (bridge::mistake_in_rule_filter(rule.filter)) return refused("the token has a right to what is no topic filter");
  }
  return {Verdict::Answer::accepted, std::move(*principal), {}};
}

Result<LoadedAccess, std::string> load_access(const ServerConfig& config, const std::string& secret) {
  const AuthConfig& auth = config.auth;
  LoadedAccess loaded;
  bridge::AccessSettings& settings = loaded.settings;
  settings.secret = secret;
  std::vector<identity::User> users;
  std::optional<identity::JwtKey> key;
  if (!auth.password_file.empty()) {
    auto read = load_users(auth.password_file);
    if (!read) return Wrong("[auth] password_file: " + read.error());
    users = std::move(*read);
    for (const identity::User& user : users) settings.users[user.name] = {fingerprint_of(user), user.scram};
  }
  if (!config.jwt.key_file.empty()) {
    auto read = load_key(config.jwt);
    if (!read) return Wrong("[jwt] key_file: " + read.error());
    key = std::move(*read);
    settings.token_key = key->fingerprint();
  }
  settings.rules = config.rules;
  if (!auth.acl_file.empty()) {
    auto rules = load_acl(auth.acl_file);
    if (!rules) return Wrong("[auth] acl_file: " + rules.error());
    settings.rules.insert(settings.rules.end(), rules->begin(), rules->end());
  }
  // An acl_file without a line denies everything, as in mosquitto since CVE-2018-12550.
  const bool has_rules = !settings.rules.empty() || !auth.acl_file.empty();
  settings.otherwise = has_rules ? identity::Effect::deny : identity::Effect::allow;
  for (const UserGroup& group : config.user_groups) {
    for (const std::string& member : group.members) settings.groups[member].push_back(group.name);
  }
  settings.names = checks_names(config) ? bridge::NameChecks::asked : bridge::NameChecks::none;
  const bool anonymous = config.anonymous == Anonymous::everywhere ||
                         (settings.names == bridge::NameChecks::none && all_on_this_machine(config));
  settings.anonymous = anonymous ? bridge::Anonymous::allowed : bridge::Anonymous::refused;
  loaded.judge = std::make_shared<const CredentialJudge>(
      std::move(users), std::move(key),
      identity::JwtTerms{config.jwt.audience, config.jwt.issuer, config.jwt.user_claim, config.jwt.groups_claim});
  return loaded;
}

}  // namespace bitacora::app
