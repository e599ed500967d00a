// Users, rules and keys as the configuration names them, read from their files: all of them, or nothing and the reason.
// A file that cannot be read or has a mistake in it never counts as an empty one (CVE-2018-12550, CVE-2018-12551).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "bridge/access.h"
#include "identity/authenticator.h"
#include "identity/jwt.h"
#include "identity/password_file.h"

namespace bitacora::app {

// Whom to believe. Immutable: a reload makes another.
class CredentialJudge {
 public:
  CredentialJudge() = default;
  CredentialJudge(std::vector<identity::User> users, std::optional<identity::JwtKey> key, identity::JwtTerms terms);

  // Takes milliseconds by intent, as long for a user that does not exist.
  [[nodiscard]] identity::Verdict judge(const identity::Credentials& credentials, Timestamp now_ms) const;

 private:
  [[nodiscard]] identity::Verdict judge_token(const std::string& token, Timestamp now_ms) const;

  std::map<std::string, identity::User, std::less<>> users_;
  std::optional<identity::JwtKey> key_;
  identity::JwtTerms terms_;
};

struct LoadedAccess {
  bridge::AccessSettings settings;
  std::shared_ptr<const CredentialJudge> judge;
};

// `secret`: bridge::AccessSettings::secret. The error is for a person, a line for each mistake.
[[nodiscard]] Result<LoadedAccess, std::string> load_access(const ServerConfig& config, const std::string& secret);

[[nodiscard]] identity::Fingerprint fingerprint_of(const identity::User& user);

// The whole of a file; the error says which and why.
[[nodiscard]] Result<std::string, std::string> read_file(const std::string& path);

}  // namespace bitacora::app
