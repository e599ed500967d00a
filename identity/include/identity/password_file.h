// The file of users: a line each, `name:hash`, as mosquitto_passwd writes it and `bitacora users` does. Behind the hash
// there may be `:SCRAM-SHA-256$...` (scram.h), for clients that log in without sending their password. Blank lines and
// lines that begin with # are left alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "identity/file_mistake.h"

namespace bitacora::identity {

struct User {
  std::string name;
  std::string password_hash;  // password_hash.h; may be empty where there is a scram verifier
  std::string scram{};        // scram.h; empty: none
  friend bool operator==(const User&, const User&) = default;
};

// 1 to 256 bytes of UTF-8 without ':', control characters, '+', '#' and '/': what stands for %u in a rule must be one
// level. nullopt if so; else what is wrong, for a person.
[[nodiscard]] std::optional<std::string> mistake_in_user_name(std::string_view name);

// All users in the order of the file, or every mistake in it. Names of mosquitto's with '+', '#' or '/' are read: they
// only never stand for %u.
[[nodiscard]] Result<std::vector<User>, FileMistakes> parse_password_file(std::string_view text);

// The text with this user's line in it, or in place of the one that it had; everything else as it was.
[[nodiscard]] std::string with_user(std::string_view text, const User& user);
// The text without that line; nullopt if there is none.
[[nodiscard]] std::optional<std::string> without_user(std::string_view text, std::string_view name);

}  // namespace bitacora::identity
